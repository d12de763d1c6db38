import { broadcast, showDims } from '../dims.ts';
import type { Rules } from './rule.ts';

/** Matrix products. */
export const matrix: Rules<'MatMul' | 'Gemm'> = {
  MatMul: {
    shape: ({ inputs, fail }) => {
      const [a, b] = inputs as [(typeof inputs)[number], (typeof inputs)[number]];
      if (a.dtype !== b.dtype) fail(`types ${a.dtype} and ${b.dtype} differ`);
      if (a.dims.length < 2 || b.dims.length < 2) fail('needs matrices');
      const [m, k] = a.dims.slice(-2);
      const [k2, n] = b.dims.slice(-2);
      if (k !== k2) fail(`inner dimensions of ${showDims(a.dims)} and ${showDims(b.dims)} differ`);
      const batch = broadcast(a.dims.slice(0, -2), b.dims.slice(0, -2)) ?? fail('batch dimensions do not fit');
      return [{ dtype: a.dtype, dims: [...batch, m!, n!] }];
    },
    vjp: ({ b, inputs, grad, wants }) => [
      wants(0) ? b.matmul(grad, b.swapLast(inputs[1]!)) : null,
      wants(1) ? b.matmul(b.swapLast(inputs[0]!), grad) : null,
    ],
  },
  Gemm: {
    shape: ({ inputs, attributes, fail }) => {
      const [a, b, c] = inputs;
      if (inputs.some((input) => input.dtype !== a!.dtype)) fail('types differ');
      if (a!.dims.length !== 2 || b!.dims.length !== 2) fail('needs matrices of rank 2');
      const [m, k] = attributes.transA ? [a!.dims[1]!, a!.dims[0]!] : [a!.dims[0]!, a!.dims[1]!];
      const [k2, n] = attributes.transB ? [b!.dims[1]!, b!.dims[0]!] : [b!.dims[0]!, b!.dims[1]!];
      if (k !== k2) fail(`inner dimensions of ${showDims(a!.dims)} and ${showDims(b!.dims)} differ`);
      if (c !== undefined && broadcast([m, n], c.dims)?.join() !== [m, n].join()) {
        fail(`addend ${showDims(c.dims)} does not broadcast to ${showDims([m, n])}`);
      }
      return [{ dtype: a!.dtype, dims: [m, n] }];
    },
    vjp: ({ b, inputs, attributes, grad, wants }) => {
      const [x, w, c] = inputs as [
        (typeof inputs)[number],
        (typeof inputs)[number],
        (typeof inputs)[number] | undefined,
      ];
      const { transA, transB, alpha } = attributes;
      const flipA = transA === 1 ? 0 : 1;
      const flipB = transB === 1 ? 0 : 1;
      return [
        !wants(0)
          ? null
          : transA === 0
            ? b.gemm(grad, w, { transB: flipB, alpha })
            : b.gemm(w, grad, { transA: transB, transB: 1, alpha }),
        !wants(1)
          ? null
          : transB === 0
            ? b.gemm(x, grad, { transA: flipA, alpha })
            : b.gemm(grad, x, { transA: 1, transB: transA, alpha }),
        ...(c === undefined ? [] : [grad]),
      ];
    },
  },
};
