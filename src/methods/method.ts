import type { AdapterHead } from '../checkpoint/adapterFolder.ts';
import type { JsonObject } from '../checkpoint/json.ts';
import type { Random } from '../foundation/random.ts';
import type { Attachment } from '../models/attachment.ts';
import type { Model } from '../models/model.ts';
import type { Reparametrisation } from './promptEncoder.ts';
import type { TrainedWeight } from './savedModules.ts';

/** Methods that can be trained; PEFT's names, and BOTTLENECK, FULL and UNION, which PEFT has not. */
export const peftTypes = [
  'PROMPT_TUNING',
  'P_TUNING',
  'PREFIX_TUNING',
  'LORA',
  'IA3',
  'LN_TUNING',
  'VERA',
  'LOHA',
  'LOKR',
  'ADALORA',
  'BOTTLENECK',
  'FULL',
  'UNION',
] as const;
/** Any of them. */
export type PeftType = (typeof peftTypes)[number];

/** Trained tensors by the names of the adapter file. */
export type TrainedTensors = ReadonlyMap<string, Float32Array>;

/** Token ids of a text, special tokens included as the tokenizer adds them. */
export type Encode = (text: string) => readonly number[];

/** What a method may use to make its first tensors. */
export interface InitContext {
  readonly model: Model;
  readonly random: Random;
  /** Null where rows are already tokenised and the model has no tokenizer. */
  readonly encode: Encode | null;
}

/** Where and how a method acts: all that running a model with it needs. */
export interface MethodShape extends Attachment {
  /** Names the graphs it makes: on one model, methods of equal structure run in the same sessions. */
  readonly structure: string;
  /** Positions the method takes up before every row. */
  readonly virtualTokens: number;
  /** Whether those positions have hidden states, so that the last of them predicts a row's first token. */
  readonly virtualHidden: boolean;
  /** Virtual tokens inside every row, after what is given and before what is predicted; none when absent. */
  readonly suffixTokens?: number;
  /** Whether it acts through those positions alone: once they are in the cache, the base model does the rest. */
  readonly virtualOnly: boolean;
}

/** Positions that a method takes from every row. */
export function positionsTaken({
  virtualTokens,
  suffixTokens = 0,
}: Pick<MethodShape, 'virtualTokens' | 'suffixTokens'>): number {
  return virtualTokens + suffixTokens;
}

/** Of a method that takes up no positions. */
export const noPositions = { virtualTokens: 0, virtualHidden: false, virtualOnly: false } as const;

/** Two low-rank factors beside a linear layer, which together add scaling * b a; optimisers may treat them unlike. */
export interface FactorPair {
  /** Name of a tensor `[rank, inFeatures]`. */
  readonly a: string;
  /** Name of a tensor `[outFeatures, rank]`. */
  readonly b: string;
  readonly rank: number;
  readonly scaling: number;
}

/** What a tensor of the checkpoint becomes when trained tensors are worked into it. */
export type MergedTensor = (base: Float32Array, trained: TrainedTensors) => Float32Array;

/** A tensor that an adapter's file holds beside its own although it is the model's, or another one of the adapter's. */
export interface StoredCopy {
  /** What the adapter file calls it. */
  readonly name: string;
  /** Whose it is, for errors. */
  readonly of: string;
  readonly dims: readonly number[];
  readonly read: (trained: TrainedTensors) => Promise<Float32Array>;
}

/** A step that an optimiser has taken. */
export interface TakenStep {
  /** Steps before it. */
  readonly step: number;
  /** What is trained, after the step. */
  readonly tensors: ReadonlyMap<string, Float32Array>;
  /** The gradients it was taken by, before they were multiplied by `scale`. */
  readonly gradients: ReadonlyMap<string, Float32Array>;
  readonly scale: number;
  /** What the rule remembers. */
  readonly memory: ReadonlyMap<string, Float32Array>;
}

/** What a method does to what is trained after each step of the optimiser. */
export interface StepRule {
  /** What it remembers from step to step: how long each tensor is, by name. All begin as 0; checkpoints hold them. */
  readonly memory: ReadonlyMap<string, number>;
  /** Changes tensors and memory in place. */
  readonly after: (taken: TakenStep) => void;
  /** What is kept of the tensors when training ends here; they are not changed. */
  readonly kept: (tensors: TrainedTensors, memory: TrainedTensors) => TrainedTensors;
}

/** A configured method: the tensors of its adapter on one model, where they act, and how PEFT writes them down. */
export interface Method extends MethodShape {
  readonly peftType: PeftType;
  /** adapter_config.json, of PEFT's or AdapterHub's form; keys it came with and does not know are kept. */
  readonly config: JsonObject;
  /** What makes its tensors and is trained in their place (`trainingForm`); absent where they are trained themselves. */
  readonly encoder?: Reparametrisation;
  /** Those of its tensors that AdapterHub keeps apart, the model's head, and its head_config.json; absent elsewhere. */
  readonly head?: AdapterHead;
  /** What the file holds besides; files may lack it. */
  readonly copies?: readonly StoredCopy[];
  /** Frozen tensors that the file does not hold, and what makes each of them again. */
  readonly derived?: ReadonlyMap<string, () => Float32Array>;
  /** The pairs of factors among what is trained; absent where the method is no low-rank one. */
  readonly factorPairs?: readonly FactorPair[];
  /** The same beside embedding tables, whose inputs are one-hot vectors: optimisers treat these otherwise. */
  readonly embeddingPairs?: readonly FactorPair[];
  /** Whether its gradient takes something that depends on what is trained as a constant, as its paper asks for. */
  readonly partialGradient?: boolean;
  /** Tensors of the checkpoint that are trained themselves, in their own place. */
  readonly wholeWeights?: readonly TrainedWeight[];
  /** Methods that this one is made of. */
  readonly members?: readonly Method[];
  /** Learning rates of tensors that have their own, by name of what is trained. */
  readonly rates?: ReadonlyMap<string, number>;
  /** Names of the biases among what is trained. */
  readonly biases?: readonly string[];
  /**
   * What becomes of the checkpoint's tensors, by transformers' names, when the adapter is worked into them so that the
   * model alone gives what it gives with the adapter; or why they cannot be. Absent for methods that no change of weights
   * can stand for.
   */
  readonly merged?: ReadonlyMap<string, MergedTensor> | string;
  /** Whether that changes token embeddings whose table is the output head too, and the head must stay as it is. */
  readonly untiesHead?: boolean;
  /** What happens after each step of a training, where something does. */
  readonly afterStep?: StepRule;
  /** The method for a run of so many steps, where its configuration leaves that open. */
  readonly forRun?: (totalSteps: number) => Method;
  /** What is stored of what was trained, where that is not the same. */
  readonly stored?: (trained: TrainedTensors) => { readonly method: Method; readonly tensors: TrainedTensors };
  /** The same adapter as LORA, for readers that know nothing else; null where LORA has no form of it. */
  readonly asLora?: (trained: TrainedTensors) => { readonly method: Method; readonly tensors: TrainedTensors } | null;
  /** First values of what is trained: of the encoder's tensors, where there is one. */
  readonly initialise: (context: InitContext) => Promise<TrainedTensors>;
}

/**
 * Makes a method from its configuration: an experiment's `method` or an adapter_config.json; `source` says which, for errors.
 */
export type MethodFactory = (config: JsonObject, model: Model, source: string) => Method;
