import { showDims } from '../dims.ts';
import type { Rules } from './rule.ts';

/** Rotary position embedding, Su et al., https://arxiv.org/abs/2104.09864. */
export const rotary: Rules<'RotaryEmbedding'> = {
  RotaryEmbedding: {
    shape: ({ inputs, fail }) => {
      const [x, cos, sin] = inputs;
      const headDim = x!.dims.at(-1);
      if (x!.dims.length !== 4 || typeof headDim !== 'number') fail('needs [batch, heads, time, headDim]');
      for (const table of [cos!, sin!]) {
        if (table.dims.length !== 3 || table.dims[1] !== x!.dims[2] || table.dims[2] !== (headDim as number) / 2) {
          fail(`table ${showDims(table.dims)} does not rotate ${showDims(x!.dims)}`);
        }
      }
      return [{ dtype: x!.dtype, dims: x!.dims }];
    },
    // A rotation's transpose is the rotation back. The tables are positions, never trained.
    vjp: ({ b, inputs, grad }) => [b.rotaryEmbedding(grad, inputs[1]!, b.neg(inputs[2]!)), null, null],
  },
};
