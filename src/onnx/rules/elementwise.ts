import { broadcast, type DType, showDims } from '../dims.ts';
import type { Gradients, Rules, ShapeContext, TensorType, VjpContext } from './rule.ts';

type Unary =
  | 'Neg'
  | 'Exp'
  | 'Log'
  | 'Sqrt'
  | 'Reciprocal'
  | 'Tanh'
  | 'Sigmoid'
  | 'Relu'
  | 'Erf'
  | 'Cos'
  | 'Sin'
  | 'Gelu';
type Binary = 'Add' | 'Sub' | 'Mul' | 'Div' | 'Greater' | 'Where';

function isFloat(dtype: DType): boolean {
  return dtype === 'float32' || dtype === 'float16' || dtype === 'bfloat16';
}

function same({ inputs, fail }: ShapeContext<Unary>): readonly TensorType[] {
  const x = inputs[0]!;
  if (x.dtype !== 'float32' && x.dtype !== 'float16') fail(`needs floats, not ${x.dtype}`);
  return [{ dtype: x.dtype, dims: x.dims }];
}

function broadcasted({ inputs, fail }: ShapeContext<Binary>): TensorType {
  let dims = inputs[0]!.dims;
  for (const input of inputs.slice(1)) {
    dims =
      broadcast(dims, input.dims) ?? fail(`shapes ${inputs.map((v) => showDims(v.dims)).join(' and ')} do not fit`);
  }
  const [a, b] = inputs.slice(-2);
  if (a!.dtype !== b!.dtype) fail(`types ${a!.dtype} and ${b!.dtype} differ`);
  return { dtype: a!.dtype, dims };
}

/** d/dx erf-based or tanh-based GELU, after Hendrycks and Gimpel, https://arxiv.org/abs/1606.08415. */
function geluGradient({ b, inputs, attributes, grad }: VjpContext<'Gelu'>): Gradients {
  const x = inputs[0]!;
  if (attributes.approximate === 'none') {
    // Phi(x) + x phi(x)
    const cdf = b.scale(b.add(b.erf(b.scale(x, Math.SQRT1_2)), b.scalar(1)), 0.5);
    const density = b.scale(b.exp(b.scale(b.mul(x, x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
    return [b.mul(grad, b.add(cdf, b.mul(x, density)))];
  }
  // y = x/2 (1 + t), t = tanh(c (x + a x^3)): y' = (1 + t)/2 + x/2 (1 - t^2) c (1 + 3 a x^2)
  const c = Math.sqrt(2 / Math.PI);
  const a = 0.044715;
  const square = b.mul(x, x);
  const t = b.tanh(b.mul(x, b.add(b.scale(square, c * a), b.scalar(c))));
  const inner = b.add(b.scale(square, 1.5 * c * a), b.scalar(0.5 * c));
  const left = b.add(b.scale(t, 0.5), b.scalar(0.5));
  const right = b.mul(b.mul(x, inner), b.sub(b.scalar(1), b.mul(t, t)));
  return [b.mul(grad, b.add(left, right))];
}

/** Elementwise operators. */
export const elementwise: Rules<Unary | Binary | 'Cast'> = {
  Neg: { shape: same, vjp: ({ b, grad }) => [b.neg(grad)] },
  Exp: { shape: same, vjp: ({ b, outputs, grad }) => [b.mul(grad, outputs[0]!)] },
  Log: { shape: same, vjp: ({ b, inputs, grad }) => [b.div(grad, inputs[0]!)] },
  Sqrt: { shape: same, vjp: ({ b, outputs, grad }) => [b.div(b.scale(grad, 0.5), outputs[0]!)] },
  Reciprocal: { shape: same, vjp: ({ b, outputs, grad }) => [b.neg(b.mul(grad, b.mul(outputs[0]!, outputs[0]!)))] },
  Tanh: {
    shape: same,
    vjp: ({ b, outputs, grad }) => [b.mul(grad, b.sub(b.scalar(1), b.mul(outputs[0]!, outputs[0]!)))],
  },
  Sigmoid: {
    shape: same,
    vjp: ({ b, outputs, grad }) => [b.mul(grad, b.mul(outputs[0]!, b.sub(b.scalar(1), outputs[0]!)))],
  },
  Relu: {
    shape: same,
    vjp: ({ b, inputs, grad }) => [b.where(b.greater(inputs[0]!, b.scalar(0)), grad, b.scalar(0))],
  },
  Erf: {
    shape: same,
    vjp: ({ b, inputs, grad }) => {
      const slope = b.scale(b.exp(b.neg(b.mul(inputs[0]!, inputs[0]!))), 2 / Math.sqrt(Math.PI));
      return [b.mul(grad, slope)];
    },
  },
  Cos: { shape: same, vjp: ({ b, inputs, grad }) => [b.neg(b.mul(grad, b.sin(inputs[0]!)))] },
  Sin: { shape: same, vjp: ({ b, inputs, grad }) => [b.mul(grad, b.cos(inputs[0]!))] },
  Gelu: { shape: same, vjp: geluGradient },
  Cast: {
    shape: ({ inputs, attributes }) => [{ dtype: attributes.to, dims: inputs[0]!.dims }],
    // Rounding to whole numbers and back is constant almost everywhere.
    vjp: ({ b, inputs, attributes, grad }) => [
      [inputs[0]!.dtype, attributes.to].every(isFloat) ? b.cast(grad, inputs[0]!.dtype) : null,
    ],
  },
  Add: { shape: (c) => [broadcasted(c)], vjp: ({ grad }) => [grad, grad] },
  Sub: {
    shape: (c) => [broadcasted(c)],
    vjp: ({ b, grad, wants }) => [grad, wants(1) ? b.neg(grad) : null],
  },
  Mul: {
    shape: (c) => [broadcasted(c)],
    vjp: ({ b, inputs, grad, wants }) => [
      wants(0) ? b.mul(grad, inputs[1]!) : null,
      wants(1) ? b.mul(grad, inputs[0]!) : null,
    ],
  },
  Div: {
    shape: (c) => [broadcasted(c)],
    vjp: ({ b, inputs, outputs, grad, wants }) => {
      const quotient = b.div(grad, inputs[1]!);
      return [quotient, wants(1) ? b.neg(b.mul(quotient, outputs[0]!)) : null];
    },
  },
  Greater: { shape: (c) => [{ dtype: 'bool', dims: broadcasted(c).dims }], vjp: 'none' },
  Where: {
    shape: (c) => {
      if (c.inputs[0]!.dtype !== 'bool') c.fail('the condition must be bool');
      return [broadcasted(c)];
    },
    vjp: ({ b, inputs, grad, wants }) => [
      null,
      wants(1) ? b.where(inputs[0]!, grad, b.scalar(0)) : null,
      wants(2) ? b.where(inputs[0]!, b.scalar(0), grad) : null,
    ],
  },
};
