import type { Method, TrainedTensors } from '../methods/method.ts';
import type { TrainableSpec } from '../models/attachment.ts';
import { adafactor } from './adafactor.ts';
import { adamw } from './adamw.ts';
import { loraFa } from './loraFa.ts';
import { tensorRates } from './loraPlus.ts';
import type { OptimizerRule, TensorState, TensorStep } from './optimizerRule.ts';
import type { OptimizerName, TrainingOptions } from './options.ts';

const rules = { adamw, lora_fa: loraFa, adafactor } satisfies Record<OptimizerName, OptimizerRule>;

/** What optimisers keep, by tensor. */
export type OptimizerState = ReadonlyMap<string, TensorState>;

/**
 * A method as an optimiser trains it: with the tensors that it leaves alone frozen.
 * @throws SoftpromptError optimizer-unsuited
 */
export function optimizedForm(method: Method, optim: OptimizerName): Method {
  const frozen = new Set(rules[optim].frozen(method));
  if (frozen.size === 0) return method;
  const trainables = method.trainables.map((spec) => (frozen.has(spec.name) ? { ...spec, frozen: true } : spec));
  return { ...method, trainables };
}

/** Whether this is what an optimiser keeps of these tensors after a step. */
export function isStateOf(state: OptimizerState, trainables: readonly TrainableSpec[], optim: OptimizerName): boolean {
  const trained = trainables.filter(({ frozen = false }) => !frozen);
  const fits = (spec: TrainableSpec) => {
    const lengths = Object.entries(rules[optim].lengths(spec));
    const kept = state.get(spec.name) ?? {};
    return (
      Object.keys(kept).length === lengths.length &&
      lengths.every(([kind, length]) => kept[kind as keyof TensorState]?.length === length)
    );
  };
  return state.size === trained.length && trained.every(fits);
}

/** Takes the steps of a run. */
export class Optimizer {
  readonly #method: Method;
  readonly #options: TrainingOptions;
  readonly #rateOf: ReturnType<typeof tensorRates>;
  readonly #take: (step: TensorStep) => void;
  readonly #state: Map<string, TensorState>;
  #steps: number;

  /**
   * @param method in its `optimizedForm`
   * @param tensors what the run begins or goes on with
   * @throws SoftpromptError optimizer-unsuited
   */
  constructor(
    options: TrainingOptions,
    method: Method,
    tensors: TrainedTensors,
    state: OptimizerState = new Map(),
    steps = 0,
  ) {
    this.#method = method;
    this.#options = options;
    this.#rateOf = tensorRates(method, options);
    this.#take = rules[options.optim].stepper(options, method, tensors);
    this.#state = new Map(state);
    this.#steps = steps;
  }

  /** What it needs to go on, besides the tensors. */
  get state(): OptimizerState {
    return this.#state;
  }

  /** One step on all tensors, in place. Gradients are multiplied by `scale` first. */
  step(
    tensors: ReadonlyMap<string, Float32Array>,
    gradients: ReadonlyMap<string, Float32Array>,
    rate: number,
    scale: number,
  ): void {
    this.#steps++;
    for (const spec of this.#method.trainables) {
      if (spec.frozen) continue;
      const { factor, decays } = this.#rateOf(spec);
      this.#take({
        spec,
        x: tensors.get(spec.name)!,
        gradient: gradients.get(spec.name)!,
        scale,
        state: this.#stateOf(spec),
        count: this.#steps,
        rate: rate * factor,
        decay: decays ? this.#options.weight_decay : 0,
      });
    }
  }

  #stateOf(spec: TrainableSpec): TensorState {
    let state = this.#state.get(spec.name);
    if (state === undefined) {
      const lengths = Object.entries(rules[this.#options.optim].lengths(spec));
      state = Object.fromEntries(lengths.map(([kind, length]) => [kind, new Float32Array(length)]));
      this.#state.set(spec.name, state);
    }
    return state;
  }
}
