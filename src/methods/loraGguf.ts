import { ModelConfig } from '../checkpoint/config.ts';
import { type FloatType, rounded } from '../checkpoint/floatTypes.ts';
import type { GgufTensor, GgufValue } from '../checkpoint/gguf.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import { ggufModelTypes, ggufNaming } from '../models/ggufNames.ts';
import type { Model } from '../models/model.ts';
import type { Adapter, StoredAdapter } from './adapter.ts';
import { loraTargets } from './loraConfig.ts';
import { type LowRankPath, lowRankPath } from './lowRankPath.ts';
import { targetsOf } from './targets.ts';

/** A LORA adapter as llama.cpp reads one, and the same adapter with the numbers that lie in it. */
export interface LoraGguf {
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensors: readonly GgufTensor[];
  readonly asWritten: Adapter;
}

/** llama.cpp's `general.file_type`. */
const fileTypes = { F32: 0, F16: 1, BF16: 32 } satisfies Record<FloatType, number>;

/** Keys of a configuration that change what the two matrices mean, in ways that llama.cpp does not know. */
const foreignKeys = ['alora_invocation_tokens', 'layer_replication', 'use_bdlora', 'use_dora', 'use_qalora'] as const;

/**
 * A LORA adapter, or one that can be written as LORA, for llama.cpp (src/llama-adapter.cpp), which multiplies each path by one alpha of the file over the path's
 * rank. The file's alpha is what makes that the first path's scaling, with rsLoRA too; where another path's would differ
 * (`alpha_pattern`), the factor goes into its B.
 * @throws SoftpromptError option-invalid for what has no GGUF form
 */
export function loraGguf(stored: StoredAdapter, model: Model, type: FloatType): LoraGguf {
  const { method, tensors } = stored.method.asLora?.(stored.tensors) ?? stored;
  const refuse = (what: string): never => {
    const problem = `gguf has no place for ${what}`;
    throw new SoftpromptError('option-invalid', { option: '--format', problem, todo: 'Choose peft or onnx.' });
  };
  if (method.peftType !== 'LORA') refuse(`${method.peftType}: llama.cpp reads LORA alone`);
  const naming =
    ggufNaming(model) ??
    refuse(`a model of type ${model.modelType}: llama.cpp's names are known for ${ggufModelTypes.join(', ')}`);
  const options = new ModelConfig(stored.dir, method.config);
  const foreign = foreignKeys.find((key) => isGiven(options.raw(key)));
  if (foreign !== undefined) refuse(`${foreign}, which the adapter's configuration sets`);
  const paths = targetsOf(options, model, loraTargets, true).sites.map((site) => lowRankPath(options, site));
  const written = new Set(paths.flatMap(({ names }) => [names.a, names.b]));
  const other = method.trainables.find(({ name }) => !written.has(name));
  if (other !== undefined) refuse(`${other.name}: two matrices a layer are all it holds`);

  const alpha = paths.map(alphaOf).find((x) => x !== 0) ?? 1;
  const asWritten = new Map(tensors);
  const out = paths.flatMap((path): readonly GgufTensor[] => {
    const { site, rank, names } = path;
    const matrix = naming.matrix(site.path) ?? refuse(`the layer ${site.path}: llama.cpp has no name for it`);
    const factor = alphaOf(path) / alpha;
    const a = rounded(names.a, tensors.get(names.a)!, type);
    const given = tensors.get(names.b)!;
    const b = rounded(names.b, factor === 1 ? given : given.map((x) => x * factor), type);
    asWritten.set(names.a, a);
    // A factor of 0 leaves nothing of B, and nothing is what the adapter has there.
    if (factor !== 0) asWritten.set(names.b, factor === 1 ? b : b.map((x) => x / factor));
    return [
      { name: `${matrix.name}.lora_a`, dtype: type, shape: [rank, site.inFeatures], data: a },
      {
        name: `${matrix.name}.lora_b`,
        dtype: type,
        shape: [site.outFeatures, rank],
        data: matrix.rows === null ? b : reordered(b, matrix.rows, rank),
      },
    ];
  });
  return {
    metadata: new Map<string, GgufValue>([
      ['general.type', { type: 'string', value: 'adapter' }],
      ['general.architecture', { type: 'string', value: naming.architecture }],
      ['general.file_type', { type: 'uint32', value: fileTypes[type] }],
      ['adapter.type', { type: 'string', value: 'lora' }],
      ['adapter.lora.alpha', { type: 'float32', value: alpha }],
    ]),
    tensors: out,
    asWritten: { method, tensors: asWritten },
  };
}

/** The alpha that gives a path its scaling when it is divided by the rank. */
function alphaOf({ scaling, rank }: LowRankPath): number {
  return scaling * rank;
}

/** A matrix `[rows.length, width]` whose row i is row rows[i] of the given one. */
function reordered(matrix: Float32Array, rows: readonly number[], width: number): Float32Array {
  const result = new Float32Array(matrix.length);
  for (const [to, from] of rows.entries()) result.set(matrix.subarray(from * width, (from + 1) * width), to * width);
  return result;
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false;
}
