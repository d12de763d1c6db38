/**
 * Dimensions are numbers or symbols: plain names ('batch', 'time') or polynomials of them with whole coefficients, written
 * in a normal form ('8*time', 'batch*past+batch*time', 'time+20'), so that equal dimensions are equal strings.
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
  return show(
    dims.map(parse).reduce((a, b) => {
      const terms = new Map<string, number>();
      for (const [x, i] of a) for (const [y, j] of b) addTerm(terms, [x, y].filter(Boolean).join('*'), i * j);
      return terms;
    }, parse(1)),
  );
}

/** Sum of dimensions: `sum([20, 'time'])` is `'time+20'`. */
export function sum(dims: readonly Dim[]): Dim {
  const terms = new Map<string, number>();
  for (const dim of dims) for (const [symbols, coefficient] of parse(dim)) addTerm(terms, symbols, coefficient);
  return show(terms);
}

/** A polynomial's coefficients by their symbols, sorted and joined by `*`; those of the constant are ''. */
function parse(dim: Dim): ReadonlyMap<string, number> {
  const terms = new Map<string, number>();
  for (const term of String(dim).split('+')) {
    const factors = term.split('*');
    const coefficient = factors.filter((factor) => /^\d/.test(factor)).reduce((a, b) => a * Number(b), 1);
    addTerm(terms, factors.filter((factor) => !/^\d/.test(factor)).join('*'), coefficient);
  }
  return terms;
}

function addTerm(terms: Map<string, number>, symbols: string, coefficient: number): void {
  const key = symbols.split('*').sort().join('*');
  terms.set(key, (terms.get(key) ?? 0) + coefficient);
}

function show(terms: ReadonlyMap<string, number>): Dim {
  const constant = terms.get('') ?? 0;
  const parts = [...terms]
    .filter(([symbols, coefficient]) => symbols !== '' && coefficient !== 0)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([symbols, coefficient]) => (coefficient === 1 ? symbols : `${coefficient}*${symbols}`));
  if (parts.length === 0) return constant;
  return constant === 0 ? parts.join('+') : [...parts, constant].join('+');
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
