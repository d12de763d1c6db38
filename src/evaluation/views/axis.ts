/** Round marks of an axis, from one at or below `low` to one at or above `high`. */
export function ticks(low: number, high: number): readonly number[] {
  const span = high > low ? high - low : Math.max(Math.abs(high), 1);
  const rough = span / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough)!;
  const first = Math.floor(low / step);
  const last = Math.max(first + 1, Math.ceil(high / step));
  return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
}

/** Places on a line from `from` to `to`, to a tenth, of values from `low` to `high`. */
export function scale(low: number, high: number, from: number, to: number): (value: number) => number {
  return (value) => Math.round(10 * (from + ((value - low) / (high - low)) * (to - from))) / 10;
}

/** A mark of an axis, as short as it can be. */
export function tickText(value: number): string {
  return Math.abs(value) >= 1e6 ? value.toExponential() : String(Number(value.toPrecision(3)));
}
