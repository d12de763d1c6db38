/**
 * Dimensions are numbers or symbols. Symbols are plain names ('batch', 'time') or products and sums of them in a
 * normal form ('4*time', 'virtual+time'), so that equal dimensions are equal strings.
 */
export type Dim = number | string;

/** Element types a graph tensor can have. */
export type DType = 'float32' | 'float16' | 'bfloat16' | 'int64' | 'bool';

/** A tensor of a graph: its name, element type and static rank. */
export interface Value {
  readonly name: string;
  readonly dtype: DType;
  readonly dims: readonly Dim[];
}

/** Product of dimensions: `product([4, 'time', 2])` is `'8*time'`. */
export function product(dims: readonly Dim[]): Dim {
  let factor = 1;
  const symbols: string[] = [];
  for (const dim of dims) {
    if (typeof dim === 'number') factor *= dim;
    else {
      for (const part of dim.split('*')) {
        if (/^\d+$/.test(part)) factor *= Number(part);
        else symbols.push(part);
      }
    }
  }
  if (symbols.length === 0 || factor === 0) return factor;
  symbols.sort();
  return factor === 1 ? symbols.join('*') : [factor, ...symbols].join('*');
}

/** Sum of dimensions: `sum(['virtual', 'time'])` is `'virtual+time'`; numbers are added up and come last. */
export function sum(dims: readonly Dim[]): Dim {
  let constant = 0;
  const symbols: string[] = [];
  for (const dim of dims) {
    for (const part of String(dim).split('+')) {
      if (/^\d+$/.test(part)) constant += Number(part);
      else symbols.push(part);
    }
  }
  if (symbols.length === 0) return constant;
  return constant === 0 ? symbols.join('+') : [...symbols, constant].join('+');
}

/** Whether two shapes are equal, dimension by dimension. */
export function sameDims(a: readonly Dim[], b: readonly Dim[]): boolean {
  return a.length === b.length && a.every((dim, i) => dim === b[i]);
}

/** `[batch, time, 64]` for messages. */
export function showDims(dims: readonly Dim[]): string {
  return `[${dims.join(', ')}]`;
}

/** Broadcast of two shapes by ONNX's (NumPy's) rule, or null when they do not fit. */
export function broadcast(a: readonly Dim[], b: readonly Dim[]): readonly Dim[] | null {
  const rank = Math.max(a.length, b.length);
  const dims: Dim[] = [];
  for (let i = 0; i < rank; i++) {
    const x = a[i - rank + a.length] ?? 1;
    const y = b[i - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1) return null;
    dims.push(x === 1 ? y : x);
  }
  return dims;
}

/** Axis counted from the front. */
export function positiveAxis(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}
