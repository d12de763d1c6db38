import type { ModelConfig } from '../checkpoint/config.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import type { Architecture, ArchitectureKind, Classifier } from './architecture.ts';
import type { WeightSpec } from './decoder.ts';
import type { Task } from './task.ts';

/** The classifier of a model, and what its checkpoint says of it. */
export interface ClassHead {
  readonly classifier: Classifier;
  readonly classes: number;
  readonly weights: readonly WeightSpec[];
  /** The module of the head that it stands in the place of; null where there is none. */
  readonly replaced: string | null;
}

/** What each kind of model can be used for, first what it is made for. */
const tasks = {
  decoder: ['causal_lm', 'seq_cls'],
  encoder: ['seq_cls'],
  encoder_decoder: ['seq_2_seq_lm'],
} as const satisfies Record<ArchitectureKind, readonly Task[]>;

/**
 * What a model is used for: what is asked or, where nothing is, what its checkpoint was saved for.
 * @throws SoftpromptError task-unsuited
 */
export function taskOf(config: ModelConfig, { kind }: Architecture, asked: Task | undefined): Task {
  const [saved] = config.optionalStrings('architectures') ?? [];
  const known: readonly Task[] = tasks[kind];
  const task = asked ?? (saved?.endsWith('ForSequenceClassification') ? 'seq_cls' : known[0]!);
  if (known.includes(task)) return task;
  throw new SoftpromptError('task-unsuited', {
    file: config.file,
    modelType: config.string('model_type'),
    task,
    known,
  });
}

/** How many classes a checkpoint tells apart, or is to: what is asked where it has no classifier of its own. */
export function classesOf(config: ModelConfig, asked: number | undefined): number {
  const [saved] = config.optionalStrings('architectures') ?? [];
  const names = config.optionalObject('id2label');
  const own = names === undefined ? config.count('num_labels', 2) : Object.keys(names.json).length;
  return saved?.endsWith('ForSequenceClassification') ? own : (asked ?? own);
}

/** What the classes are called: `id2label`, or their numbers. */
export function classNames(config: ModelConfig, classes: number): readonly string[] {
  const names = config.optionalObject('id2label');
  return Array.from({ length: classes }, (_, i) => names?.optionalString(String(i)) ?? String(i));
}

/** The classifier of a model with so many classes. Decoders have one linear layer without bias, as transformers gives them. */
export function classifierOf(architecture: Architecture, classes: number): ClassHead {
  if (architecture.kind === 'encoder') {
    const { classifier } = architecture;
    return { classifier, classes, weights: classifier.weights(classes), replaced: null };
  }
  const width = architecture.tokenEmbedding.width;
  const classifier: Classifier = {
    modules: ['score'],
    weights: (count) => [{ name: 'score.weight', shape: [count, width] }],
    logits: (scope, x) => scope.linear('score', x),
  };
  return { classifier, classes, weights: classifier.weights(classes), replaced: architecture.headModule };
}
