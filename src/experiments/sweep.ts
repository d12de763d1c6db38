import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { explain, isAbort, SoftpromptError } from '../foundation/errors.ts';
import type { DoneEvent } from '../training/events.ts';
import { appendAudit } from './audit.ts';
import type { Environment } from './environment.ts';
import { type LoadedExperiment, restoreExperiment } from './experimentFile.ts';
import { saveAdapterVersion } from './library.ts';
import { withSetting } from './settings.ts';
import { type SweepPlan, sweepJobs, sweepPlan } from './sweepPlan.ts';
import { readTrial, type SweepRecord, type TrialRecord, trialFolder, writeSweep, writeTrial } from './sweepStore.ts';
import { type SweepRow, sweepTable } from './sweepTable.ts';
import { cardOf, type TrainingEngine, type TrainingRequest } from './trainExperiment.ts';

/** What a sweep says of itself: one `sweep`, a `trial` for each training or part of one, and one `done`. */
export type SweepEvent =
  | {
      readonly event: 'sweep';
      readonly id: string;
      readonly combinations: number;
      readonly seeds: readonly number[];
    }
  | ({ readonly event: 'trial'; readonly trial: number; readonly seed: number } & Pick<
      SweepRow,
      'combination' | 'settings'
    > &
      TrialRecord)
  | {
      readonly event: 'done';
      readonly rows: readonly SweepRow[];
      /** The folder of the best one's adapter, or null. */
      readonly adapter: string | null;
      readonly finished: boolean;
    };

/** A sweep about to run. */
export interface PreparedSweep {
  readonly store: string;
  readonly record: SweepRecord;
  /** Of the experiment with its sweep. */
  readonly loaded: LoadedExperiment;
}

/**
 * Trains what a sweep plans, one after the other; what is recorded already is taken from the records. The best combination by
 * mean validation loss becomes the next version of the experiment's adapter, as its best seed made it. When `signal` is
 * aborted it keeps what there is, to be gone on with.
 * @throws SoftpromptError sweep-unranked
 */
export async function* runSweep(
  engine: TrainingEngine,
  { store, record, loaded }: PreparedSweep,
  signal: AbortSignal,
  env: Environment,
): AsyncGenerator<SweepEvent, void> {
  const { data } = loaded.experiment;
  if (data.validation === undefined && data.validation_split === undefined) {
    throw new SoftpromptError('sweep-unranked', { file: loaded.file });
  }
  const plan = sweepPlan(loaded.experiment);
  const sweep = new Sweep(engine, store, record.id, loaded, plan, env);
  yield { event: 'sweep', id: record.id, combinations: plan.combinations.length, seeds: plan.seeds };
  const jobs = sweepJobs(plan);
  let job = jobs.next();
  try {
    while (!job.done && !signal.aborted) {
      const { combination, rung } = job.value;
      const losses: (number | null)[] = [];
      for (const s of plan.seeds.keys()) {
        const trained = await sweep.train(combination, s, rung, signal);
        if (trained === null) break;
        losses.push(trained.rungs.at(-1)?.loss ?? null);
        yield {
          ...{ event: 'trial', trial: sweep.trialOf(combination, s), seed: plan.seeds[s]!, combination },
          settings: plan.combinations[combination]!,
          ...trained,
        };
      }
      if (losses.length < plan.seeds.length) break;
      const loss = losses.reduce((sum: number, x) => sum + (x ?? Number.POSITIVE_INFINITY), 0) / losses.length;
      job = jobs.next(loss);
      await sweep.dropLosers();
    }
    const finished = job.done === true;
    const rows = await sweep.rows();
    const adapter = finished ? await sweep.promote(rows, signal) : null;
    await writeSweep(store, { ...record, state: finished ? 'finished' : 'stopped', adapter });
    if (finished) await sweep.tidy();
    yield { event: 'done', rows, adapter, finished };
  } catch (error) {
    await writeSweep(store, { ...record, state: 'stopped' });
    throw error;
  }
}

/** The trainings of one sweep. */
class Sweep {
  readonly #engine: TrainingEngine;
  readonly #store: string;
  readonly #id: string;
  readonly #loaded: LoadedExperiment;
  readonly #plan: SweepPlan;
  readonly #env: Environment;

  constructor(
    engine: TrainingEngine,
    store: string,
    id: string,
    loaded: LoadedExperiment,
    plan: SweepPlan,
    env: Environment,
  ) {
    this.#engine = engine;
    this.#store = store;
    this.#id = id;
    this.#loaded = loaded;
    this.#plan = plan;
    this.#env = env;
  }

  /** Trials are numbered by combination, then by seed. */
  trialOf(combination: number, seed: number): number {
    return combination * this.#plan.seeds.length + seed;
  }

  /** Trains a combination with one of the seeds up to a rung, unless that is on record; null when it was cut off. */
  async train(combination: number, seed: number, rung: number, signal: AbortSignal): Promise<TrialRecord | null> {
    const trial = this.trialOf(combination, seed);
    const known = await readTrial(this.#store, this.#id, trial);
    if (known.error !== null || known.rungs.length > rung) return { ...known, rungs: known.rungs.slice(0, rung + 1) };
    const done = await this.#upTo(trial, this.#plan.rungs[rung]!, signal).catch((error: unknown) => {
      if (isAbort(error)) return null;
      return explain(error).what;
    });
    if (done === null || (typeof done !== 'string' && done.reason === 'stopped' && signal.aborted)) return null;
    const { rungs } = known;
    const reached = typeof done === 'string' ? null : rungOf(done);
    // Asha may send the best of a low rung to the end at once: what lies between is passed, not left out.
    const passed = reached === null ? [] : new Array<typeof reached>(rung + 1 - rungs.length).fill(reached);
    const record = { rungs: [...rungs, ...passed], error: typeof done === 'string' ? done : null };
    await writeTrial(this.#store, this.#id, trial, record);
    if (record.error !== null || rung === this.#plan.rungs.length - 1) {
      await rm(this.#paths(trial).checkpoints, { recursive: true, force: true });
    }
    return record;
  }

  /** Frees the disk of adapters that cannot become the best any more. */
  async dropLosers(): Promise<void> {
    const rows = (await this.rows()).filter(({ state }) => state === 'finished');
    for (const { combination } of rows.slice(1)) {
      for (const s of this.#plan.seeds.keys()) {
        await rm(this.#paths(this.trialOf(combination, s)).adapterFolder, { recursive: true, force: true });
      }
    }
  }

  async rows(): Promise<readonly SweepRow[]> {
    const trials: TrialRecord[][] = [];
    for (const combination of this.#plan.combinations.keys()) {
      const ofSeeds = [...this.#plan.seeds.keys()].map((s) =>
        readTrial(this.#store, this.#id, this.trialOf(combination, s)),
      );
      trials.push(await Promise.all(ofSeeds));
    }
    return sweepTable(this.#plan, trials);
  }

  /** Moves the best adapter into the library; gives its folder, or null when none was trained to the end. */
  async promote(rows: readonly SweepRow[], signal: AbortSignal): Promise<string | null> {
    const [best] = rows;
    if (best?.state !== 'finished') return null;
    const losses = best.losses.map((loss) => loss ?? Number.POSITIVE_INFINITY);
    const trial = this.trialOf(best.combination, losses.indexOf(Math.min(...losses)));
    const { rungs } = await readTrial(this.#store, this.#id, trial);
    const { best_step, loss, trainable_parameters } = rungs.at(-1)!;
    const loaded = this.#experiment(trial);
    const request = this.#request(trial);
    const done = { best_step, best_loss: loss, trainable_parameters };
    const card = await cardOf(this.#engine, this.#store, loaded, request, done, signal, this.#env);
    const { dir, version } = await saveAdapterVersion(this.#store, request.adapterFolder, {
      ...card,
      run: null,
      sweep: this.#id,
    });
    const entry = { action: 'created', adapter: `${loaded.name}@${version}`, detail: `sweep ${this.#id}` } as const;
    await appendAudit(this.#store, entry, this.#env);
    return dir;
  }

  /** Leaves of the trials only what they came to. */
  async tidy(): Promise<void> {
    for (let trial = 0; trial < this.#plan.combinations.length * this.#plan.seeds.length; trial++) {
      const { checkpoints, adapterFolder } = this.#paths(trial);
      for (const folder of [checkpoints, adapterFolder]) await rm(folder, { recursive: true, force: true });
    }
  }

  /** Goes on from the trial's newest checkpoint to the validation that ends a share of its steps. */
  async #upTo(trial: number, share: number, signal: AbortSignal): Promise<DoneEvent> {
    const request = this.#request(trial);
    await rm(request.adapterFolder, { recursive: true, force: true });
    await mkdir(request.adapterFolder, { recursive: true });
    const enough = new AbortController();
    let end = Number.POSITIVE_INFINITY;
    let done: DoneEvent | null = null;
    for await (const event of this.#engine.train(request, AbortSignal.any([signal, enough.signal]))) {
      if (event.event === 'start') end = event.total_steps * share;
      if (event.event === 'eval' && share < 1 && event.step >= end) enough.abort();
      if (event.event === 'done') done = event;
    }
    return done!;
  }

  #request(trial: number): TrainingRequest {
    return { experiment: this.#experiment(trial).experiment, ...this.#paths(trial), resume: true, quiet: true };
  }

  #paths(trial: number): Pick<TrainingRequest, 'checkpoints' | 'adapterFolder'> {
    const folder = trialFolder(this.#store, this.#id, trial);
    return { checkpoints: join(folder, 'checkpoints'), adapterFolder: join(folder, 'adapter') };
  }

  /** The experiment of a trial: the sweep's, with one value for each key and one seed. */
  #experiment(trial: number): LoadedExperiment {
    const { seeds, combinations } = this.#plan;
    const settings = Object.entries(combinations[Math.floor(trial / seeds.length)]!);
    const seeded =
      this.#loaded.experiment.sweep?.seeds === undefined ? [] : [['training.seed', seeds[trial % seeds.length]]];
    const written = [...settings, ...seeded].reduce<Readonly<Record<string, unknown>>>(
      (object, [key, value]) => withSetting(object, String(key).split('.'), value),
      withSetting(this.#loaded.written, ['sweep'], null),
    );
    return restoreExperiment(written, this.#loaded.file);
  }
}

function rungOf({ step, best_loss, best_step, trainable_parameters }: DoneEvent): TrialRecord['rungs'][number] {
  return { step, loss: best_loss, best_step, trainable_parameters };
}
