import { ModelConfig } from '../checkpoint/config.ts';
import { isJsonObject, type JsonObject } from '../checkpoint/json.ts';
import { type Activation, activationNamed } from '../models/activations.ts';
import type { Model } from '../models/model.ts';
import { bottleneckKeys, bottleneckPresets } from './bottleneckPresets.ts';

/** What goes around a bottleneck: the output of the sub-block, that plus its residual input, or that after the model's norm. */
export type BottleneckResidual = 'output' | 'sum' | 'input';

/** First values: of normal numbers, of torch's own bounds with an up projection of zeros, or of small truncated normal ones. */
export type BottleneckInit = (typeof inits)[number];
const inits = ['bert', 'mam_adapter', 'houlsby'] as const;

/** What an adapter computes; keys as AdapterHub's `BnConfig` has them. */
export interface BottleneckSteps {
  /** Between the two matrices, by transformers' name. */
  readonly nonLinearity: string;
  readonly parallel: boolean;
  readonly originalNormBefore: boolean;
  readonly originalNormAfter: boolean;
  readonly normBefore: boolean;
  readonly normAfter: boolean;
  readonly residual: BottleneckResidual;
  readonly residualBeforeNorm: boolean;
  /** A constant, or one factor, or a factor a feature, that are trained. */
  readonly scaling: number | 'learned' | 'channel';
}

/** A bottleneck adapter's configuration, read and checked. */
export interface BottleneckConfig {
  /** What AdapterHub calls the adapter, in its tensors' names too. */
  readonly name: string;
  readonly after: Readonly<Record<'attention' | 'mlp', boolean>>;
  /** Layers without an adapter, numbered through all layers from 0. */
  readonly leaveOut: ReadonlySet<number>;
  /** Features between the two matrices in a layer of a width. @throws SoftpromptError config-key */
  readonly widthOf: (layer: number, hidden: number) => number;
  readonly steps: BottleneckSteps;
  readonly activation: Activation;
  readonly init: BottleneckInit;
  /** AdapterHub's `config`, keys that nobody here knows included. */
  readonly json: JsonObject;
}

/** Wider than any layer. */
const widest = 2 ** 24;

/**
 * The configuration of a bottleneck adapter, of AdapterHub's adapter_config.json (`config`) or of an experiment: a preset's
 * name, and keys in the place of the preset's. What changes the numbers and is not supported is refused.
 * @throws SoftpromptError config-key
 */
export function bottleneckConfig(given: JsonObject, model: Model, source: string): BottleneckConfig {
  const outer = new ModelConfig(source, given);
  const json = mergedKeys(outer);
  const options = new ModelConfig(source, json, isJsonObject(given.config) ? 'config.' : '');
  refuseUnsupported(options, model);
  const name = outer.string('name', 'default');
  if (name === '' || name.includes('.')) throw outer.invalid('name', `is "${name}"; it is a part of tensors' names`);
  const after = { attention: options.boolean('mh_adapter'), mlp: options.boolean('output_adapter') };
  if (!after.attention && !after.mlp) {
    throw options.invalid('output_adapter', 'is false, and so is mh_adapter; there is nothing to train');
  }
  const init = options.string('init_weights', 'bert');
  if (!isInit(init)) throw options.invalid('init_weights', `is "${init}"; known are ${inits.join(', ')}`);
  const parallel = options.boolean('is_parallel', false);
  const nonLinearity = options.string('non_linearity').toLowerCase();
  return {
    name,
    after,
    leaveOut: new Set(options.optionalNumbers('leave_out') ?? []),
    widthOf: (layer, hidden) => widthOf(options, layer, hidden),
    steps: {
      nonLinearity,
      parallel,
      originalNormBefore: options.boolean('original_ln_before', false),
      originalNormAfter: options.boolean('original_ln_after', true),
      normBefore: options.boolean('ln_before', false),
      normAfter: options.boolean('ln_after', false),
      residual: parallel ? 'output' : residualOf(options),
      residualBeforeNorm: options.boolean('adapter_residual_before_ln', false),
      scaling: scalingOf(options),
    },
    activation: activationNamed(options, 'non_linearity', nonLinearity),
    init,
    json,
  };
}

/** AdapterHub's `config`: an object or a preset's name, else the default preset; with what stands beside it in its place. */
function mergedKeys(outer: ModelConfig): JsonObject {
  const { config = 'seq_bn', ...beside } = outer.json;
  const own = Object.fromEntries(Object.entries(beside).filter(([key]) => bottleneckKeys.includes(key)));
  if (isJsonObject(config)) return { ...config, ...newActivation(outer.json, config), ...own };
  if (typeof config === 'string' && Object.hasOwn(bottleneckPresets, config)) {
    return { ...bottleneckPresets[config as keyof typeof bottleneckPresets], ...own };
  }
  const known = Object.keys(bottleneckPresets).join(', ');
  throw outer.invalid('config', `is ${JSON.stringify(config)}; supported are ${known}, or an object`);
}

/** Keys that add parts to an adapter which are not built here, with what is wrong with each. */
function refuseUnsupported(options: ModelConfig, { architecture }: Model): void {
  const refuse = (key: string, why: string) => {
    throw options.invalid(key, `is ${JSON.stringify(options.raw(key))}; ${why}`);
  };
  const idle: readonly unknown[] = [undefined, null, false, 0, ''];
  const acts = (key: string) => !idle.includes(options.raw(key));
  if (acts('phm_layer')) refuse('phm_layer', "Compacter's matrices are not supported, only false is");
  for (const key of ['inv_adapter', 'invertible_adapter']) {
    if (acts(key)) refuse(key, 'invertible adapters at the embeddings are not supported, only null is');
  }
  if (acts('use_gating')) {
    const why = 'its gate is a mean over all positions of a row, pads and tokens to come among them';
    refuse('use_gating', `${why}, so that a row would change with its batch; only false is supported`);
  }
  if (acts('cross_adapter') && architecture.kind === 'encoder_decoder') {
    refuse('cross_adapter', 'adapters after cross-attention are not supported, only false is');
  }
}

/** A file without a version is older than AdapterHub's renaming of two activations: what those are called now. */
function newActivation({ peft_type: type, version }: JsonObject, { non_linearity: name }: JsonObject): JsonObject {
  if (type !== undefined || version !== undefined) return {};
  return name === 'gelu' ? { non_linearity: 'gelu_new' } : name === 'gelu_orig' ? { non_linearity: 'gelu' } : {};
}

function residualOf(options: ModelConfig): BottleneckResidual {
  const before = options.raw('residual_before_ln') ?? true;
  if (before === 'post_add') {
    if (options.boolean('original_ln_before', false)) return 'sum';
    throw options.invalid('residual_before_ln', 'is "post_add", which goes with original_ln_before: true only');
  }
  if (typeof before === 'boolean') return before ? 'output' : 'input';
  throw options.invalid('residual_before_ln', `is ${JSON.stringify(before)}; true, false or "post_add" is expected`);
}

function scalingOf(options: ModelConfig): number | 'learned' | 'channel' {
  const scaling = options.raw('scaling') ?? 1;
  if (scaling === 'learned' || scaling === 'channel') return scaling;
  if (typeof scaling === 'number' && Number.isFinite(scaling)) return scaling;
  throw options.invalid('scaling', `is ${JSON.stringify(scaling)}; a number, "learned" or "channel" is expected`);
}

/** AdapterHub's `int(hidden // reduction_factor)`, at least 1; of a map, the layer's own factor or the default. */
function widthOf(options: ModelConfig, layer: number, hidden: number): number {
  const given = options.raw('reduction_factor');
  const factor = isJsonObject(given) ? (given[String(layer)] ?? given.default) : given;
  if (factor === undefined) {
    throw options.invalid(
      'reduction_factor',
      isJsonObject(given) ? `has no entry for layer ${layer}, and no default` : 'is missing',
    );
  }
  if (typeof factor !== 'number' || !Number.isFinite(factor) || factor <= 0) {
    throw options.invalid('reduction_factor', `is ${JSON.stringify(factor)}; a number above 0 is expected`);
  }
  const width = Math.max(1, floorDivided(hidden, factor));
  if (width <= widest) return width;
  throw options.invalid('reduction_factor', `is ${factor}, which makes ${width} features of ${hidden}`);
}

/** Python's a // b of floats: through the remainder, so that 48 // 0.1 is 479. */
function floorDivided(a: number, b: number): number {
  const quotient = (a - (a % b)) / b;
  const floor = Math.floor(quotient);
  return quotient - floor > 0.5 ? floor + 1 : floor;
}

function isInit(name: string): name is BottleneckInit {
  return (inits as readonly string[]).includes(name);
}
