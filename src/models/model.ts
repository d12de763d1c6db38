import { basename } from 'node:path';
import { type ModelConfig, readConfig } from '../checkpoint/config.ts';
import { type CheckpointWeights, openWeights } from '../checkpoint/weights.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import type { Decoder, DecoderFamily } from './decoder.ts';
import { gemma } from './gemma.ts';
import { gemma2 } from './gemma2.ts';
import { gemma3 } from './gemma3.ts';
import { gpt2 } from './gpt2.ts';
import { gptNeox } from './gptNeox.ts';
import { llama } from './llama.ts';
import { mistral } from './mistral.ts';
import { olmo2 } from './olmo2.ts';
import { opt } from './opt.ts';
import { phi } from './phi.ts';
import { phi3 } from './phi3.ts';
import { qwen2 } from './qwen2.ts';
import { qwen3 } from './qwen3.ts';
import { weightDtypes } from './scope.ts';
import { smollm3 } from './smollm3.ts';

/** The architecture families by transformers' `model_type`. */
const families = {
  gemma,
  gemma2,
  gemma3_text: gemma3,
  gpt2,
  gpt_neox: gptNeox,
  llama,
  mistral,
  olmo2,
  opt,
  phi,
  phi3,
  qwen2,
  qwen3,
  smollm3,
} satisfies Record<string, DecoderFamily>;

/** A model that can be built into graphs: what is on disk, read and checked, with no weight loaded. */
export interface Model {
  readonly dir: string;
  readonly name: string;
  readonly modelType: string;
  readonly config: ModelConfig;
  /** By transformers' names, whatever the file calls them. */
  readonly weights: CheckpointWeights;
  readonly architecture: Decoder;
  /** Elements of all weights. */
  readonly parameters: number;
}

/**
 * Opens a Hugging Face directory: reads config.json and the weights' headers, and checks that every tensor the
 * architecture needs is there in the right shape and that none is left over.
 * @throws SoftpromptError architecture-unknown, weight-missing, weight-surplus, weight-shape, and what reading throws
 */
export async function openModel(dir: string): Promise<Model> {
  const config = await readConfig(dir);
  const modelType = config.string('model_type');
  if (!Object.hasOwn(families, modelType)) {
    throw new SoftpromptError('architecture-unknown', { file: config.file, modelType, known: Object.keys(families) });
  }
  const architecture = families[modelType as keyof typeof families](config);
  const weights = matchWeights(architecture, await openWeights(dir));
  let parameters = 0;
  for (const { shape } of weights.tensors.values()) parameters += shape.reduce((n, size) => n * size, 1);
  return { dir, name: basename(dir), modelType, config, weights, architecture, parameters };
}

/** Gives every tensor its transformers name and checks the lot against what the architecture declares. */
function matchWeights(architecture: Decoder, weights: CheckpointWeights): CheckpointWeights {
  const file = weights.files[0]!;
  const unprefixed = !weights.tensors.has(`${architecture.tokenEmbedding.path}.weight`);
  const declared = new Set(architecture.weights.map((spec) => spec.name));
  const tensors = new Map<string, NonNullable<ReturnType<CheckpointWeights['tensors']['get']>>>();
  for (const [name, info] of weights.tensors) {
    if (architecture.ignored?.test(name)) continue;
    const full = unprefixed && !declared.has(name) ? architecture.basePrefix + name : name;
    if (!declared.has(full)) throw new SoftpromptError('weight-surplus', { file: info.file, tensor: name });
    tensors.set(full, info);
  }
  for (const { name, shape, optional } of architecture.weights) {
    const info = tensors.get(name);
    if (info === undefined) {
      if (optional) continue;
      throw new SoftpromptError('weight-missing', { file, tensor: name, shape });
    }
    if (info.shape.join() !== shape.join()) {
      throw new SoftpromptError('weight-shape', { file: info.file, tensor: name, found: info.shape, expected: shape });
    }
    if (weightDtypes[info.dtype] === undefined) {
      throw new SoftpromptError('tensor-unusable', {
        file: info.file,
        tensor: name,
        problem: `is ${info.dtype}; weights must be ${Object.keys(weightDtypes).join(', ')}`,
      });
    }
  }
  return { ...weights, tensors };
}
