import { basename } from 'node:path';
import { type ModelConfig, readConfig } from '../checkpoint/config.ts';
import { type CheckpointWeights, openWeights } from '../checkpoint/weights.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import type { Architecture, ArchitectureFamily, Classifier } from './architecture.ts';
import { bert } from './bert.ts';
import { type ClassHead, classesOf, classifierOf, taskOf } from './classHead.ts';
import type { WeightSpec } from './decoder.ts';
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
import { roberta } from './roberta.ts';
import { weightDtypes } from './scope.ts';
import { smollm3 } from './smollm3.ts';
import { t5 } from './t5.ts';
import type { Task } from './task.ts';

/** The architecture families by transformers' `model_type`. */
const families = {
  bert,
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
  roberta,
  smollm3,
  t5,
} satisfies Record<string, ArchitectureFamily>;

/** A model that can be built into graphs: what is on disk, read and checked, with no weight loaded. */
export interface Model {
  readonly dir: string;
  readonly name: string;
  readonly modelType: string;
  readonly config: ModelConfig;
  /** What it is used for. */
  readonly task: Task;
  /** By transformers' names, whatever the file calls them. */
  readonly weights: CheckpointWeights;
  readonly architecture: Architecture;
  /** For seq_cls. */
  readonly classifier: (Classifier & { readonly classes: number }) | null;
  /** Tensors of the classifier that the checkpoint does not hold: only training can make them. */
  readonly untrained: readonly WeightSpec[];
  /** Elements of all weights. */
  readonly parameters: number;
}

/** What a model is to be opened for, where that is not what its checkpoint says. */
export interface ModelUse {
  readonly task?: Task;
  /** Number of classes, for a classifier that the checkpoint does not hold. */
  readonly classes?: number;
}

/**
 * Opens a Hugging Face directory: reads config.json and the weights' headers, and checks that every tensor the
 * architecture needs is there in the right shape and that none is left over. A checkpoint without a classifier can be opened
 * for seq_cls all the same: its classifier is then still to be trained.
 * @throws SoftpromptError architecture-unknown, task-unsuited, weight-missing, weight-surplus, weight-shape, and what reading throws
 */
export async function openModel(dir: string, use: ModelUse = {}): Promise<Model> {
  const config = await readConfig(dir);
  const modelType = config.string('model_type');
  if (!Object.hasOwn(families, modelType)) {
    throw new SoftpromptError('architecture-unknown', { file: config.file, modelType, known: Object.keys(families) });
  }
  const architecture: Architecture = families[modelType as keyof typeof families](config);
  const found = await openWeights(dir);
  const task = taskOf(config, architecture, use.task);
  const head = task === 'seq_cls' ? classifierOf(architecture, classesOf(config, use.classes)) : null;
  const { weights, untrained } = matchWeights(architecture, head, found);
  let parameters = 0;
  for (const { shape } of weights.tensors.values()) parameters += shape.reduce((n, size) => n * size, 1);
  const { classifier = null } = head ?? {};
  return {
    ...{ dir, name: basename(dir), modelType, config, task, weights, architecture },
    ...{ classifier: classifier && { ...classifier, classes: head!.classes }, untrained, parameters },
  };
}

/** Gives every tensor its transformers name and checks the lot against what the architecture declares. */
function matchWeights(
  architecture: Architecture,
  head: ClassHead | null,
  weights: CheckpointWeights,
): { weights: CheckpointWeights; untrained: readonly WeightSpec[] } {
  const file = weights.files[0]!;
  const unprefixed = !weights.tensors.has(`${architecture.tokenEmbedding.path}.weight`);
  // A head of another task may be there; it is left out of what the model is.
  const specs = [...architecture.weights, ...(head?.weights ?? [])];
  const unused = (name: string) => head !== null && head.replaced !== null && name.startsWith(`${head.replaced}.`);
  const declared = new Set(specs.map((spec) => spec.name));
  const tensors = new Map<string, NonNullable<ReturnType<CheckpointWeights['tensors']['get']>>>();
  for (const [name, info] of weights.tensors) {
    if (architecture.ignored?.test(name) || unused(name)) continue;
    const full = unprefixed && !declared.has(name) ? architecture.basePrefix + name : name;
    if (!declared.has(full)) throw new SoftpromptError('weight-surplus', { file: info.file, tensor: name });
    tensors.set(full, info);
  }
  const untrained: WeightSpec[] = [];
  for (const spec of specs) {
    const { name, shape, optional } = spec;
    const info = tensors.get(name);
    if (info === undefined) {
      if (optional || unused(name)) continue;
      if (head?.weights.includes(spec)) {
        untrained.push(spec);
        continue;
      }
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
  return { weights: { ...weights, tensors }, untrained };
}
