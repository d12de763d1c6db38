import { positiveAxis, product, sameDims, showDims } from '../dims.ts';
import type { Rules, ShapeContext, TensorType } from './rule.ts';

function reduced({ inputs, attributes, fail }: ShapeContext<'ReduceSum' | 'ReduceMean'>): readonly TensorType[] {
  const { dtype, dims } = inputs[0]!;
  const axes = attributes.axes.map((axis) => positiveAxis(axis, dims.length));
  if (axes.some((axis) => axis < 0 || axis >= dims.length))
    fail(`axes ${attributes.axes} of a tensor of rank ${dims.length}`);
  return [{ dtype, dims: dims.map((dim, i) => (axes.includes(i) ? 1 : dim)) }];
}

function same({ inputs }: ShapeContext<'Softmax' | 'LogSoftmax'>): readonly TensorType[] {
  return [{ dtype: inputs[0]!.dtype, dims: inputs[0]!.dims }];
}

function normalised({ inputs, fail }: ShapeContext<'LayerNormalization' | 'SimplifiedLayerNormalization'>): TensorType {
  const [x, ...parameters] = inputs;
  const width = x!.dims.slice(-1);
  for (const { name, dims } of parameters) {
    if (!sameDims(dims, width)) fail(`${name} is ${showDims(dims)}, not ${showDims(width)}`);
  }
  return { dtype: x!.dtype, dims: x!.dims };
}

/** Reductions, softmax and normalisation. */
export const reduction: Rules<
  'ReduceSum' | 'ReduceMean' | 'Softmax' | 'LogSoftmax' | 'LayerNormalization' | 'SimplifiedLayerNormalization'
> = {
  ReduceSum: { shape: reduced, vjp: ({ b, inputs, grad }) => [b.expandLike(grad, inputs[0]!)] },
  ReduceMean: {
    shape: reduced,
    vjp: ({ b, inputs, attributes, grad }) => {
      const x = inputs[0]!;
      const count = product(attributes.axes.map((axis) => x.dims[positiveAxis(axis, x.dims.length)]!));
      // A symbolic count is measured while the graph runs.
      const share =
        typeof count === 'number'
          ? b.scale(grad, 1 / count)
          : b.div(grad, b.reduceSum(b.filledLike(x, 1), attributes.axes));
      return [b.expandLike(share, x)];
    },
  },
  Softmax: {
    shape: same,
    vjp: ({ b, outputs, attributes, grad }) => {
      const y = outputs[0]!;
      const weighted = b.mul(grad, y);
      return [b.sub(weighted, b.mul(y, b.reduceSum(weighted, [attributes.axis])))];
    },
  },
  LogSoftmax: {
    shape: same,
    vjp: ({ b, outputs, attributes, grad }) => [
      b.sub(grad, b.mul(b.exp(outputs[0]!), b.reduceSum(grad, [attributes.axis]))),
    ],
  },
  LayerNormalization: {
    shape: (c) => {
      const { dtype, dims } = normalised(c);
      const statistic: TensorType = { dtype, dims: [...dims.slice(0, -1), 1] };
      return [{ dtype, dims }, statistic, statistic];
    },
    vjp: ({ b, inputs, outputs, grad, wants }) => {
      const [x, scale, bias] = inputs as [
        (typeof inputs)[number],
        (typeof inputs)[number],
        (typeof inputs)[number] | undefined,
      ];
      const [, mean, inverse] = outputs;
      const normal = b.mul(b.sub(x, mean!), inverse!);
      const scaled = b.mul(grad, scale);
      const centre = (v: typeof x) => b.reduceMean(v, [-1]);
      return [
        wants(0)
          ? b.mul(b.sub(b.sub(scaled, centre(scaled)), b.mul(normal, centre(b.mul(scaled, normal)))), inverse!)
          : null,
        wants(1) ? b.mul(grad, normal) : null,
        ...(bias === undefined ? [] : [grad]),
      ];
    },
  },
  SimplifiedLayerNormalization: {
    shape: (c) => [normalised(c)],
    vjp: ({ b, inputs, attributes, grad, wants }) => {
      const [x, scale] = inputs as [(typeof inputs)[number], (typeof inputs)[number]];
      // Computed anew: the operator's optional second output is 1/rms on the CPU provider but the mean on WebGPU's.
      const meanSquare = b.reduceMean(b.mul(x, x), [-1]);
      const inverse = b.reciprocal(b.sqrt(b.add(meanSquare, b.scalar(attributes.epsilon))));
      const normal = b.mul(x, inverse);
      const scaled = b.mul(grad, scale);
      return [
        wants(0) ? b.mul(b.sub(scaled, b.mul(normal, b.reduceMean(b.mul(scaled, normal), [-1]))), inverse) : null,
        wants(1) ? b.mul(grad, normal) : null,
      ];
    },
  },
};
