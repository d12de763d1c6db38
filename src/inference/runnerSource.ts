import type { MethodShape } from '../methods/method.ts';
import { buildLossGraph, type Objective } from '../models/lossGraph.ts';
import type { Model } from '../models/model.ts';
import type { Device } from '../runtime/devices.ts';
import { GraphSession } from '../runtime/session.ts';
import { LossRunner } from './lossRunner.ts';

/** Where trainings get what computes their losses. */
export interface RunnerSource {
  /** @param objective likelihood when absent */
  readonly open: (method: MethodShape, withGradients: boolean, objective?: Objective) => Promise<LossRunner>;
  /** Gives back what `open` gave. */
  readonly release: (runner: LossRunner) => Promise<void>;
}

/** Builds each anew and frees it when it comes back. */
export function freshRunners(model: Model, device: Device): RunnerSource {
  return {
    open: (method, withGradients, objective) => LossRunner.create(model, method, device, withGradients, objective),
    release: (runner) => runner.close(),
  };
}

/** Sessions of so many graphs are kept: those of one training, with gradients (also of what it avoids) and without. */
const keptSessions = 3;

/** Keeps the sessions of the last training for the next one: methods of equal structure share them. */
export class KeptRunners implements RunnerSource {
  readonly #model: Model;
  readonly #device: Device;
  /** By what the graph depends on; the one used last is the last. */
  readonly #sessions = new Map<string, GraphSession>();

  constructor(model: Model, device: Device) {
    this.#model = model;
    this.#device = device;
  }

  readonly open = async (
    method: MethodShape,
    withGradients: boolean,
    objective: Objective = 'likelihood',
  ): Promise<LossRunner> => {
    const frozen = method.trainables.flatMap((spec) => (spec.frozen ? [spec.name] : []));
    const key = JSON.stringify([method.structure, withGradients, objective, frozen]);
    let session = this.#sessions.get(key);
    this.#sessions.delete(key);
    session ??= await GraphSession.create(buildLossGraph(this.#model, method, withGradients, objective), this.#device);
    this.#sessions.set(key, session);
    const [oldest] = this.#sessions.keys();
    if (this.#sessions.size > keptSessions) {
      await this.#sessions.get(oldest!)!.close();
      this.#sessions.delete(oldest!);
    }
    return new LossRunner(session, this.#model, method, withGradients);
  };

  /** The session stays. */
  readonly release = async (): Promise<void> => undefined;

  /** Frees all sessions. */
  async close(): Promise<void> {
    for (const session of this.#sessions.values()) await session.close();
    this.#sessions.clear();
  }
}
