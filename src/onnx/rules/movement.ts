import { broadcast, positiveAxis, sameDims, showDims, sum } from '../dims.ts';
import type { Rules } from './rule.ts';

/** Operators that move elements, and those that make tensors from shapes. */
export const movement: Rules<
  | 'Identity'
  | 'Reshape'
  | 'Transpose'
  | 'Concat'
  | 'Split'
  | 'Expand'
  | 'Gather'
  | 'GatherElements'
  | 'ScatterElements'
  | 'Shape'
  | 'ConstantOfShape'
  | 'Range'
> = {
  Identity: {
    shape: ({ inputs }) => [{ dtype: inputs[0]!.dtype, dims: inputs[0]!.dims }],
    vjp: ({ attributes, grad }) => [attributes.stopsGradient ? null : grad],
  },
  Reshape: {
    shape: ({ inputs, attributes }) => [{ dtype: inputs[0]!.dtype, dims: attributes.dims }],
    vjp: ({ b, inputs, grad }) => [b.reshapeLike(grad, inputs[0]!), null],
  },
  Transpose: {
    shape: ({ inputs, attributes, fail }) => {
      const { dtype, dims } = inputs[0]!;
      if ([...attributes.perm].sort().join() !== dims.map((_, i) => i).join())
        fail(`permutation ${attributes.perm} of ${showDims(dims)}`);
      return [{ dtype, dims: attributes.perm.map((axis) => dims[axis]!) }];
    },
    vjp: ({ b, attributes, grad }) => {
      const inverse: number[] = [];
      attributes.perm.forEach((axis, i) => {
        inverse[axis] = i;
      });
      return [b.transpose(grad, inverse)];
    },
  },
  Concat: {
    shape: ({ inputs, attributes, fail }) => {
      const first = inputs[0]!;
      const axis = positiveAxis(attributes.axis, first.dims.length);
      for (const { dims, dtype } of inputs) {
        if (dtype !== first.dtype || dims.length !== first.dims.length) fail('types or ranks differ');
        if (dims.some((dim, i) => i !== axis && dim !== first.dims[i])) {
          fail(`shapes ${inputs.map((v) => showDims(v.dims)).join(' and ')} differ off axis ${axis}`);
        }
      }
      const joined = sum(inputs.map((v) => v.dims[axis]!));
      return [{ dtype: first.dtype, dims: first.dims.map((dim, i) => (i === axis ? joined : dim)) }];
    },
    vjp: ({ b, inputs, attributes, grad, wants }) => {
      const parts = b.splitLike(grad, inputs, attributes.axis);
      return parts.map((part, i) => (wants(i) ? part : null));
    },
  },
  Split: {
    shape: ({ inputs, attributes, fail }) => {
      const { dtype, dims } = inputs[0]!;
      const axis = positiveAxis(attributes.axis, dims.length);
      if (sum(attributes.parts) !== dims[axis]) fail(`parts ${attributes.parts.join(' + ')} are not ${dims[axis]}`);
      return attributes.parts.map((part) => ({ dtype, dims: dims.map((dim, i) => (i === axis ? part : dim)) }));
    },
    vjp: ({ b, outputs, attributes, grads }) => [
      b.concat(
        grads.map((grad, i) => grad ?? b.filledLike(outputs[i]!, 0)),
        attributes.axis,
      ),
      null,
    ],
  },
  Expand: {
    shape: ({ inputs, attributes, fail }) => {
      const { dtype, dims } = inputs[0]!;
      if (!sameDims(broadcast(dims, attributes.dims) ?? [], attributes.dims))
        fail(`${showDims(dims)} does not expand to ${showDims(attributes.dims)}`);
      return [{ dtype, dims: attributes.dims }];
    },
    vjp: ({ grad }) => [grad, null],
  },
  Gather: {
    shape: ({ inputs, attributes, fail }) => {
      const [table, indices] = inputs;
      if (indices!.dtype !== 'int64') fail('indices must be int64');
      const axis = positiveAxis(attributes.axis, table!.dims.length);
      const dims = [...table!.dims.slice(0, axis), ...indices!.dims, ...table!.dims.slice(axis + 1)];
      return [{ dtype: table!.dtype, dims }];
    },
    vjp: ({ b, inputs, attributes, grad }) => {
      const [table, indices] = inputs;
      const axis = positiveAxis(attributes.axis, table!.dims.length);
      // Slices of the gradient are added to the slices they were taken from; one may have been taken often. ScatterND
      // would take the indices as they are, but adds in parallel without regard to repeated ones on the CPU provider.
      const count = b.countOf(indices!);
      const updates = b.reshape(
        grad,
        table!.dims.map((dim, i) => (i === axis ? count : dim)),
      );
      const along = b.reshape(
        indices!,
        table!.dims.map((_, i) => (i === axis ? count : 1)),
      );
      return [b.scatterElements(b.filledLike(table!, 0), b.expandLike(along, updates), updates, axis), null];
    },
  },
  GatherElements: {
    shape: ({ inputs, fail }) => {
      const [data, indices] = inputs;
      if (data!.dims.length !== indices!.dims.length) fail('ranks differ');
      return [{ dtype: data!.dtype, dims: indices!.dims }];
    },
    vjp: ({ b, inputs, attributes, grad }) => [
      b.scatterElements(b.filledLike(inputs[0]!, 0), inputs[1]!, grad, attributes.axis),
      null,
    ],
  },
  ScatterElements: {
    shape: ({ inputs, fail }) => {
      if (!sameDims(inputs[1]!.dims, inputs[2]!.dims)) fail('indices and updates differ in shape');
      return [{ dtype: inputs[0]!.dtype, dims: inputs[0]!.dims }];
    },
    vjp: ({ b, inputs, attributes, grad, wants }) => [
      grad,
      null,
      wants(2) ? b.gatherElements(grad, inputs[1]!, attributes.axis) : null,
    ],
  },
  Shape: {
    shape: ({ inputs, attributes }) => [
      { dtype: 'int64', dims: [inputs[0]!.dims.slice(attributes.start, attributes.end).length] },
    ],
    vjp: 'none',
  },
  ConstantOfShape: {
    shape: ({ attributes }) => [{ dtype: 'float32', dims: attributes.dims }],
    vjp: 'none',
  },
  Range: {
    shape: ({ inputs, attributes, fail }) => {
      if (inputs.some(({ dtype, dims }) => dtype !== 'int64' || dims.length > 0)) fail('needs int64 of rank 0');
      return [{ dtype: 'int64', dims: attributes.dims }];
    },
    vjp: 'none',
  },
};
