import { ModelConfig } from '../checkpoint/config.ts';
import type { Model } from '../models/model.ts';
import { linear, tanh } from './encoderLayers.ts';
import type { InitContext, Method, MethodFactory, MethodShape } from './method.ts';
import { promptConfig } from './promptConfig.ts';
import { promptEmbeddings, promptEncoder } from './promptEncoder.ts';
import { firstValues, inPlace } from './savedModules.ts';
import { tokenInits } from './tokenInits.ts';
import { tokenKeyValues } from './tokenKeyValues.ts';

/** How keys and values begin that no network makes: by `init_weights`, or by `prompt_tuning_init`, which PEFT has not here. */
const inits = {
  /** Standard normal numbers, as PEFT draws them where nothing is said. */
  random: async ({ random }, { count, rowSize }) =>
    Float32Array.from({ length: count * rowSize }, () => random.normal()),
  zero: async (_context, { count, rowSize }) => new Float32Array(count * rowSize),
  /** What the model makes of tokens that are drawn at random. */
  SAMPLE_VOCAB: (context, { count, options }) => {
    checkReads(context.model, options);
    return tokenKeyValues(context.model, tokenInits.SAMPLE_VOCAB(context, count));
  },
  /** What the model makes of a text: the prefix begins as that text before every row. */
  TEXT: (context, { count, options }) => {
    checkReads(context.model, options);
    return tokenKeyValues(context.model, tokenInits.TEXT(context, count, options));
  },
} satisfies Record<string, PrefixInit>;

type PrefixInit = (
  context: InitContext,
  prefix: { readonly count: number; readonly rowSize: number; readonly options: ModelConfig },
) => Promise<Float32Array>;

/** Trained keys and values before every row in every layer: Li and Liang, https://arxiv.org/abs/2101.00190. */
export const prefixTuning: MethodFactory = (config, model, source): Method => {
  const options = new ModelConfig(source, config);
  const { kvHeads, headDim } = model.architecture.sizes;
  const layers = options.integer('num_layers', model.architecture.sizes.layers);
  // With grouped queries PEFT counts the heads of the keys and values.
  const width = kvHeads * headDim;
  const rowSize = layers * 2 * width;
  const prompt = promptConfig(options, model, { heads: kvHeads, width, what: 'keys and values' });
  const { count, saved } = prompt;
  const projected = options.boolean('prefix_projection', false);
  const hidden = options.count('encoder_hidden_size', width);

  // PEFT doubles the table of an encoder and a decoder and reads it four entries a layer, two of which it leaves out.
  const paired = prompt.copies === 2;
  const shape: MethodShape = {
    structure: saved.length === 0 ? 'PREFIX_TUNING' : `PREFIX_TUNING ${saved.map(({ name }) => name).join()}`,
    virtualTokens: count,
    virtualHidden: false,
    virtualOnly: saved.length === 0,
    trainables: [
      { name: promptEmbeddings, dims: [count, rowSize], graphDims: ['virtual', rowSize] },
      ...saved.map(({ name, dims }) => ({ name, dims })),
    ],
    // A row is layer 0's key, layer 0's value, layer 1's key and so on, each kvHeads x headDim.
    hooks: (trained, b) => {
      const prefix = trained.get(promptEmbeddings)!;
      const split = b.reshape(prefix, [prefix.dims[0]!, 2 * layers, kvHeads, headDim]);
      const parts = b.split(
        b.transpose(split, [1, 2, 0, 3]),
        0,
        Array.from({ length: 2 * layers }, () => 1),
      );
      const first = (layer: number) => (paired ? (4 * layer) % parts.length : 2 * layer);
      return {
        keyValue: (_b, layer) => ({ key: parts[first(layer)]!, value: parts[first(layer) + 1]! }),
        weight: inPlace(saved, trained),
      };
    },
  };
  // PEFT does not know these keys: an older one refuses a config that has them.
  const { prompt_tuning_init: _init, prompt_tuning_init_text: _text, ...peftKeys } = config;
  const common = {
    ...shape,
    peftType: 'PREFIX_TUNING',
    wholeWeights: saved,
    config: {
      ...prompt.config,
      encoder_hidden_size: hidden,
      init_weights: null,
      peft_type: 'PREFIX_TUNING',
      prefix_projection: projected,
      ...peftKeys,
    },
  } as const;
  if (projected) {
    const projection = [linear('transform.0', width, hidden), tanh, linear('transform.2', hidden, rowSize)];
    const encoder = promptEncoder({ ...prompt, copies: 1 }, width, projection);
    return {
      ...common,
      encoder,
      initialise: async (context) => {
        initOf(options, projected);
        return encoder.initialise(context);
      },
    };
  }
  return {
    ...common,
    initialise: async (context) => {
      const init = inits[initOf(options, projected)];
      return new Map([
        [promptEmbeddings, await init(context, { count, rowSize, options })],
        ...(await firstValues(saved, context)),
      ]);
    },
  };
};

/** Only a decoder has keys and values of a text whatever follows it. */
function checkReads({ architecture, modelType }: Model, options: ModelConfig): void {
  if (architecture.kind === 'decoder') return;
  throw options.invalid('prompt_tuning_init', `goes with decoder-only models; ${modelType} is none: leave it out`);
}

/** How a new prefix begins; a finished one is read whatever it says of that. */
function initOf(options: ModelConfig, projected: boolean): keyof typeof inits {
  const given = { init_weights: ['zero'], prompt_tuning_init: ['SAMPLE_VOCAB', 'TEXT'] };
  let init: string | undefined;
  for (const [key, known] of Object.entries(given)) {
    const value = options.optionalString(key);
    if (value === undefined) continue;
    if (!known.includes(value)) throw options.invalid(key, `is "${value}"; known: ${known.join(', ')}`);
    if (projected) throw options.invalid(key, `is ${value}, which goes without prefix_projection only`);
    if (init !== undefined) throw options.invalid(key, `is ${value}, but init_weights is ${init}; give one of them`);
    init = value;
  }
  return (init ?? 'random') as keyof typeof inits;
}
