/** Figures as a person reads them. */

/** 'KB' for small files, else 'MB' (1 KB = 1024 bytes). */
export function formatBytes(bytes: number): string {
  const kilobytes = bytes / 1024;
  if (kilobytes < 10) return `${kilobytes.toFixed(1)} KB`;
  return kilobytes < 1024 ? `${Math.round(kilobytes)} KB` : `${(kilobytes / 1024).toFixed(1)} MB`;
}

/** Seconds as '8 s', '2 min 5 s', '1 h 3 min'. */
export function formatSeconds(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min${whole % 60 === 0 ? '' : ` ${whole % 60} s`}`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** A probability or rate in 0..1 as a percentage; never '100 %' for less than 1, nor '0 %' for more than 0. */
export function formatShare(share: number): string {
  if (share > 0.995 && share < 1) return '>99 %';
  if (share > 0 && share < 0.005) return '<1 %';
  return `${Math.round(share * 100)} %`;
}

/** A loss, a metric or a perplexity in three digits or more. */
export function formatFigure(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size >= 1000) return formatCount(value);
  if (size > 0 && size < 0.01) return value.toPrecision(2);
  return size >= 100 ? value.toFixed(0) : size >= 10 ? value.toFixed(1) : value.toFixed(3);
}

/** Whole numbers with thin groups: 2 656 704. */
export function formatCount(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, '\u2009');
}

/** One line of at most `length` characters: line ends shown, the rest cut with an ellipsis. */
export function oneLine(text: string, length: number): string {
  const line = text.trim().replace(/\s*\r?\n\s*/g, ' ⏎ ');
  const characters = [...line];
  return characters.length <= length ? line : `${characters.slice(0, length - 1).join('')}…`;
}
