import { ModelConfig } from '../checkpoint/config.ts';
import type { Value } from '../onnx/dims.ts';
import { linear, tanh } from './encoderLayers.ts';
import type { Method, MethodFactory, MethodShape } from './method.ts';
import { promptConfig } from './promptConfig.ts';
import { promptEmbeddings, promptEncoder } from './promptEncoder.ts';

/** Trained keys and values before every row in every layer: Li and Liang, https://arxiv.org/abs/2101.00190. */
export const prefixTuning: MethodFactory = (config, model, source): Method => {
  const options = new ModelConfig(source, config);
  const { layers, kvHeads, headDim } = model.decoder.sizes;
  // With grouped queries PEFT counts the heads of the keys and values.
  const width = kvHeads * headDim;
  const rowSize = layers * 2 * width;
  const prompt = promptConfig(options, model, { heads: kvHeads, width, what: 'keys and values' });
  const { count } = prompt;
  const projected = options.boolean('prefix_projection', false);
  const hidden = options.count('encoder_hidden_size', width);
  const init = options.optionalString('init_weights') ?? null;
  if (init !== null && init !== 'zero') throw options.invalid('init_weights', `is "${init}"; known is zero`);

  const shape: MethodShape = {
    structure: 'PREFIX_TUNING',
    virtualTokens: count,
    virtualHidden: false,
    virtualOnly: true,
    trainables: [{ name: promptEmbeddings, dims: [count, rowSize], graphDims: ['virtual', rowSize] }],
    // A row is layer 0's key, layer 0's value, layer 1's key and so on, each kvHeads x headDim.
    hooks: (trained, b) => {
      const prefix = trained.get(promptEmbeddings)!;
      const split = b.reshape(prefix, [prefix.dims[0]!, 2 * layers, kvHeads, headDim]);
      const parts = b.split(
        b.transpose(split, [1, 2, 0, 3]),
        0,
        Array.from({ length: 2 * layers }, () => 1),
      );
      return { keyValue: (_b, layer) => ({ key: parts[2 * layer] as Value, value: parts[2 * layer + 1] as Value }) };
    },
  };
  const adapterConfig = {
    ...prompt.config,
    encoder_hidden_size: hidden,
    init_weights: init,
    peft_type: 'PREFIX_TUNING',
    prefix_projection: projected,
    ...config,
  };
  const method = { peftType: 'PREFIX_TUNING', ...shape, config: adapterConfig } as const;
  if (projected) {
    const projection = [linear('transform.0', width, hidden), tanh, linear('transform.2', hidden, rowSize)];
    const encoder = promptEncoder(count, width, projection);
    return {
      ...method,
      encoder,
      initialise: async ({ random }) => {
        if (init !== null) throw options.invalid('init_weights', 'is zero, which goes without prefix_projection only');
        return encoder.initialise(random);
      },
    };
  }
  return {
    ...method,
    initialise: async ({ random }) => {
      const rows = new Float32Array(count * rowSize);
      // Without an init PEFT draws standard normal numbers, and so do we.
      return new Map([[promptEmbeddings, init === 'zero' ? rows : rows.map(() => random.normal())]]);
    },
  };
};
