import { join } from 'node:path';
import type { AnswerStore } from '../evaluation/answerStore.ts';
import { withoutContextName } from '../evaluation/arms.ts';
import type { ArmResult, EvaluationProgress, EvaluationResult } from '../evaluation/result.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import { answerCache } from './answerCache.ts';
import { appendAudit } from './audit.ts';
import { type CombinationArm, resolveCombinations } from './combinationArms.ts';
import type { Environment } from './environment.ts';
import { readEvents } from './eventLog.ts';
import type { LoadedExperiment } from './experimentFile.ts';
import { isInLibrary, type ResolvedAdapter, readCard, updateCard } from './library.ts';
import { listRuns, saveEvaluation } from './runs.ts';
import type { Experiment } from './schema.ts';
import { seedRemark } from './seedRemark.ts';
import { subfolders } from './store.ts';
import { trainingSeconds, trainingSpeed } from './trainingSpeed.ts';

/** What evaluating an experiment asks of the engine. */
export interface EvaluationEngine {
  /** The base model, the experiment's hard prompts and these adapters as arms on the same test rows. */
  evaluate(request: EvaluationRequest, signal: AbortSignal): AsyncGenerator<EvaluationProgress, EvaluationResult>;
}

/** One evaluation, with absolute paths. */
export interface EvaluationRequest {
  /** Path of the experiment file. */
  readonly file: string;
  /** With `data.test`. */
  readonly experiment: Experiment;
  /** Arms; labels are unique, also among the baselines. */
  readonly adapters: readonly (ResolvedAdapter | CombinationArm)[];
  /** Where answers are kept. */
  readonly answers: AnswerStore;
}

/**
 * Evaluates adapters of an experiment on its test rows and keeps the result: with the run (`runId`, else the run the
 * first adapter came from), the figures on each adapter's card, and a line in the audit log. Answers are kept as they come: an
 * evaluation that was cut off goes on where it was, and an arm that is as it was is not asked again.
 * @throws 'test-rows-missing'
 */
export async function* evaluateExperiment(
  engine: EvaluationEngine,
  request: {
    readonly store: string;
    readonly loaded: LoadedExperiment;
    readonly adapters: readonly ResolvedAdapter[];
    readonly runId: string | null;
  },
  signal: AbortSignal,
  env: Environment,
): AsyncGenerator<EvaluationProgress, EvaluationResult> {
  const { store, loaded } = request;
  const { file, experiment } = loaded;
  if (experiment.data.test === undefined) throw new SoftpromptError('test-rows-missing', { file });
  const { baselines, combinations } = experiment.evaluation;
  const adapters = uniqueArms(request.adapters, Object.keys({ ...baselines, ...combinations }));
  const arms = [...adapters, ...resolveCombinations(store, loaded)];
  const asked = { file, experiment, adapters: arms, answers: answerCache(store) };
  const evaluated = yield* engine.evaluate(asked, signal);

  const measured = await Promise.all(evaluated.arms.map((arm) => withTraining(store, arm)));
  const seeds = await seedRemark(adapters);
  const result = {
    ...evaluated,
    arms: measured,
    remarks: [...(evaluated.remarks ?? []), ...(seeds === null ? [] : [seeds])],
  };
  const runId = request.runId ?? (await runOf(store, adapters));
  if (runId !== null) await saveEvaluation(store, runId, result);
  for (const { dir, label } of adapters.filter((adapter) => isInLibrary(store, adapter.dir))) {
    const arm = result.arms.find((candidate) => candidate.name === label);
    if (arm === undefined) continue;
    await updateCard(dir, { metrics: figuresOf(arm) });
    await appendAudit(store, { action: 'evaluated', adapter: label.replace(/ (\d+)$/, '@$1') }, env);
  }
  return result;
}

/** An arm with speed and time of the training that made its adapter, where its run is one of the store's. */
async function withTraining(store: string, arm: ArmResult): Promise<ArmResult> {
  if (arm.kind !== 'adapter' || arm.detail === null) return arm;
  const run = (await readCard(arm.detail).catch(() => null))?.run;
  if (run === null || run === undefined || !subfolders(join(store, 'runs')).includes(run)) return arm;
  const events = await readEvents(store, run);
  const [speed, seconds] = [trainingSpeed(events), trainingSeconds(events)];
  return {
    ...arm,
    ...(speed !== null && { training_tokens_per_second: speed }),
    ...(seconds !== null && { training_seconds: seconds }),
  };
}

/** Each folder once, under a name that no other arm has. */
function uniqueArms(adapters: readonly ResolvedAdapter[], others: readonly string[]): ResolvedAdapter[] {
  const names = (name: string) => [name, withoutContextName(name)];
  const taken = new Set(['base', ...others].flatMap(names));
  const folders = new Set<string>();
  return adapters.flatMap(({ label, dir }) => {
    if (folders.has(dir)) return [];
    folders.add(dir);
    const name = names(label).some((each) => taken.has(each)) ? dir : label;
    for (const each of names(name)) taken.add(each);
    return [{ label: name, dir }];
  });
}

/** The run of this store that the first adapter came from, or null. */
async function runOf(store: string, adapters: readonly ResolvedAdapter[]): Promise<string | null> {
  const card = adapters[0] === undefined ? null : await readCard(adapters[0].dir);
  return (await listRuns(store)).find((run) => run.id === card?.run)?.id ?? null;
}

function figuresOf(arm: ArmResult): Record<string, number> {
  const figures = Object.entries({ ...arm.metrics, ...arm.custom }).filter(
    (entry): entry is [string, number] => typeof entry[1] === 'number',
  );
  return Object.fromEntries(figures);
}
