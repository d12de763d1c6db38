/** Figures of the panel and of reports as a person reads them; what is no number (a file may hold anything) is a dash. */

/** A loss or a metric in three digits or more. */
export function figure(value: unknown): string {
  if (typeof value !== 'number' || Number.isNaN(value)) return '–';
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '−∞';
  const size = Math.abs(value);
  if (size >= 1000) return count(value);
  if (size > 0 && size < 0.01) return value.toPrecision(2);
  return size >= 100 ? value.toFixed(0) : size >= 10 ? value.toFixed(1) : value.toFixed(3);
}

/** A whole number with thin groups: 2 656 704. */
export function count(value: unknown): string {
  if (typeof value !== 'number' || !Number.isFinite(value)) return '–';
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, '\u2009');
}

/** Seconds as '8 s', '2 min 5 s', '1 h 3 min'. */
export function duration(seconds: unknown): string {
  if (typeof seconds !== 'number' || !Number.isFinite(seconds)) return '–';
  if (seconds < 10) return `${Number(seconds.toPrecision(2))} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min${whole % 60 === 0 ? '' : ` ${whole % 60} s`}`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** An ISO time in UTC to the minute, so that a report reads the same everywhere. */
export function moment(iso: unknown): string {
  if (typeof iso !== 'string') return '–';
  const time = new Date(iso);
  return Number.isNaN(time.getTime()) ? iso : `${time.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** Bytes in KB or MB of 1024. */
export function size(bytes: unknown): string {
  if (typeof bytes !== 'number' || !Number.isFinite(bytes)) return '–';
  const kilobytes = bytes / 1024;
  return kilobytes < 1024
    ? `${kilobytes.toFixed(kilobytes < 10 ? 1 : 0)} KB`
    : `${(kilobytes / 1024).toFixed(kilobytes < 102_400 ? 1 : 0)} MB`;
}

/** A difference with its sign, in three digits or more; no difference has none. */
export function signed(difference: number): string {
  return `${difference > 0 ? '+' : difference < 0 ? '−' : ''}${figure(Math.abs(difference))}`;
}

/** Milliseconds in two digits or more: 0.42 ms, 6.1 ms, 140 ms. */
export function milliseconds(time: unknown): string {
  if (typeof time !== 'number' || !Number.isFinite(time)) return '–';
  return `${time < 10 ? Number(time.toPrecision(2)) : Math.round(time)} ms`;
}
