import { readRows } from '../data/rows.ts';
import { isTokenized } from '../data/tokenizedExample.ts';
import { tokenizeRows } from '../data/tokenizeRows.ts';
import type { CheckName, CheckResult, CheckSubject } from '../evaluation/checks/check.ts';
import { runChecks } from '../evaluation/checks/table.ts';
import type { LanguageModel } from '../inference/languageModel.ts';
import { LossRunner } from '../inference/lossRunner.ts';
import { readAdapter } from '../methods/adapter.ts';
import { type Method, positionsTaken } from '../methods/method.ts';
import type { LabelledRow } from '../models/labelledRow.ts';
import type { Environment } from './environment.ts';
import { restoreExperiment } from './experimentFile.ts';
import { readExperimentRows } from './experimentRows.ts';
import { readFileRows } from './fileRows.ts';
import { readCard, updateCard } from './library.ts';
import type { AdapterCard } from './records.ts';
import { readRun } from './runs.ts';
import { type Experiment, experimentSchema } from './schema.ts';

/** An adapter to check, on a model that is held ready. */
export interface CheckRequest {
  readonly language: LanguageModel;
  /** The adapter's folder, absolute. */
  readonly adapter: string;
  /** With absolute paths; null where none is known. */
  readonly experiment: Experiment | null;
  /** Rows in the place of the experiment's; null for those. */
  readonly data: string | null;
  readonly names: readonly CheckName[];
}

/** Checks an adapter; where it has a card, what was found is kept there in the end. */
export async function* checkAdapter(
  request: CheckRequest,
  signal: AbortSignal,
  env: Pick<Environment, 'now'>,
): AsyncGenerator<CheckResult, void> {
  const card = await readCard(request.adapter);
  const found: CheckResult[] = [];
  for await (const result of runChecks(
    await checkSubject(request, card?.base.fingerprint ?? null),
    request.names,
    signal,
    env.now,
  )) {
    found.push(result);
    yield result;
  }
  const others = (card?.checks ?? []).filter(({ name }) => !request.names.includes(name));
  await updateCard(request.adapter, { checks: [...found, ...others] });
}

/**
 * The experiment that an adapter's card holds, with the paths that its run's file gives them; null where the card or the
 * run is gone.
 */
export async function cardExperiment(store: string, card: AdapterCard | null): Promise<Experiment | null> {
  if (card === null || card.run === null) return null;
  const run = await readRun(store, card.run).catch(() => null);
  return run === null ? null : restoreExperiment(card.experiment, run.experiment).experiment;
}

/**
 * What is checked.
 * @param trainedOn fingerprint of the model the adapter was trained on; null where it is not known
 */
export async function checkSubject(request: CheckRequest, trainedOn: string | null): Promise<CheckSubject> {
  const { language, experiment } = request;
  const adapter = await readAdapter(request.adapter, language.model);
  const { rows, tokenised } = await rowsOf(request, adapter.method);
  const { model, device } = language;
  return {
    language,
    adapter,
    trainedOn,
    rows,
    tokenised,
    learningRate: experiment?.training.learning_rate ?? defaultRate(adapter.method),
    gradients: (method) => LossRunner.create(model, method, device, true),
  };
}

/** What the experiment file would have for a method; members of a union have their own rates. */
function defaultRate({ peftType, members = [] }: Method): number {
  if (members[0] !== undefined) return defaultRate(members[0]);
  const parsed = experimentSchema.parse({ model: '-', data: { train: '-' }, method: { peft_type: peftType } });
  return parsed.training.learning_rate;
}

async function rowsOf(
  { language: { model }, experiment, data }: CheckRequest,
  method: Method,
): Promise<{ readonly rows: readonly LabelledRow[] | null; readonly tokenised: boolean }> {
  const file = data ?? experiment?.data.train ?? null;
  if (file === null) return { rows: null, tokenised: false };
  const raw = experiment === null ? await readRows(file) : (await readFileRows(experiment, file)).rows;
  const tokenised = raw.every(({ values }) => isTokenized(values));
  if (experiment === null) {
    const { vocabulary, maxPositions } = model.architecture.sizes;
    const maxLength = maxPositions - positionsTaken(method);
    const { examples } = tokenizeRows(raw, { file, task: model.task, vocabularySize: vocabulary, maxLength });
    return { rows: examples, tokenised };
  }
  const { validation: _, validation_split: __, ...rest } = experiment.data;
  const learnt = {
    ...experiment,
    data: { ...rest, train: file },
    training: { ...experiment.training, unlikelihood: undefined },
  };
  const { train } = await readExperimentRows(learnt, model, method);
  return { rows: train, tokenised };
}
