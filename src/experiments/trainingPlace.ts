import { freshRunners, KeptRunners, type RunnerSource } from '../inference/runnerSource.ts';
import { type Model, openModel } from '../models/model.ts';
import { chooseDevice, type Device } from '../runtime/devices.ts';
import { modelUse } from './modelUse.ts';
import type { Experiment } from './schema.ts';

/** What a training runs on. */
export interface TrainingPlace {
  readonly model: Model;
  readonly device: Device;
  /** Why this device and no other. */
  readonly reason: string;
  readonly runners: RunnerSource;
}

/** Gives each experiment a place to train in. */
export type PlaceOf = (experiment: Experiment) => Promise<TrainingPlace>;

/** A place of its own for each training. */
export const freshPlace: PlaceOf = async (experiment) => {
  const model = await openModel(experiment.model, modelUse(experiment));
  const { device, reason } = await chooseDevice(experiment.training.device);
  return { model, device, reason, runners: freshRunners(model, device) };
};

/** One place for trainings that follow each other: the model stays loaded while they ask for the same one. Close it when done. */
export class KeptPlace {
  #key = '';
  #place: (TrainingPlace & { readonly runners: KeptRunners }) | null = null;

  readonly of: PlaceOf = async (experiment) => {
    const use = modelUse(experiment);
    const key = JSON.stringify([experiment.model, use, experiment.training.device]);
    if (this.#place !== null && key === this.#key) return this.#place;
    await this.close();
    const model = await openModel(experiment.model, use);
    const { device, reason } = await chooseDevice(experiment.training.device);
    this.#place = { model, device, reason, runners: new KeptRunners(model, device) };
    this.#key = key;
    return this.#place;
  };

  /** Frees what it holds. */
  async close(): Promise<void> {
    await this.#place?.runners.close();
    this.#place = null;
  }
}
