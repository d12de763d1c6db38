/** Figures as a person reads them. The page shares no code with the extension, so it has its own few. */

/** A loss or a metric in three digits or more. */
export function formatFigure(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '–';
  const size = Math.abs(value);
  if (size >= 1000) return formatCount(value);
  if (size > 0 && size < 0.01) return value.toPrecision(2);
  return size >= 100 ? value.toFixed(0) : size >= 10 ? value.toFixed(1) : value.toFixed(3);
}

/** A learning rate: 0.3, 0.0125, 5.0e-5. */
export function formatRate(value: number): string {
  return value !== 0 && Math.abs(value) < 0.001 ? value.toExponential(1) : String(Number(value.toPrecision(3)));
}

/** A mark of an axis, as short as it can be: 0.5, 4, 2 500, 1e-5. */
export function formatTick(value: number): string {
  const size = Math.abs(value);
  if (size >= 1000) return formatCount(value);
  return size > 0 && size < 0.001 ? value.toExponential() : String(Number(value.toPrecision(3)));
}

/** Whole numbers with groups. */
export function formatCount(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, '\u2009');
}

/** 1 KB = 1024 bytes. */
export function formatBytes(bytes: number): string {
  const kilobytes = bytes / 1024;
  if (kilobytes < 10) return `${kilobytes.toFixed(1)} KB`;
  return kilobytes < 1024 ? `${Math.round(kilobytes)} KB` : `${(kilobytes / 1024).toFixed(1)} MB`;
}

/** '8 s', '2 min 5 s', '1 h 3 min'. */
export function formatSeconds(seconds: number): string {
  if (seconds < 10) return `${Number(seconds.toPrecision(2))} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min${whole % 60 === 0 ? '' : ` ${whole % 60} s`}`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** A probability as a percentage; never 100 % for less than 1. */
export function formatShare(share: number): string {
  if (share > 0.995 && share < 1) return '>99 %';
  if (share > 0 && share < 0.005) return '<1 %';
  return `${Math.round(share * 100)} %`;
}

/** '23 Nov 14:05:09' in local time, of an ISO time: to the second, since a small run takes no minute. */
export function formatTime(iso: string): string {
  const time = new Date(iso);
  if (Number.isNaN(time.getTime())) return iso;
  const day = time.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' });
  return `${day} ${time.toLocaleTimeString('en-GB')}`;
}
