import { count } from '../evaluation/views/figureText.ts';

/** A learning rate: 0.3, 0.0125, 5.0e-5. */
export function formatRate(value: number): string {
  return value !== 0 && Math.abs(value) < 0.001 ? value.toExponential(1) : String(Number(value.toPrecision(3)));
}

/** A mark of an axis, as short as it can be: 0.5, 4, 2 500, 1e-5. */
export function formatTick(value: number): string {
  const size = Math.abs(value);
  if (size >= 1000) return count(value);
  return size > 0 && size < 0.001 ? value.toExponential() : String(Number(value.toPrecision(3)));
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
