import { methodNameOf } from '../checkpoint/adapterFolder.ts';
import type { JsonObject } from '../checkpoint/json.ts';
import { openTokenizer } from '../checkpoint/tokenizer.ts';
import type { CheckResult } from '../evaluation/checks/check.ts';
import { runChecks, shortChecks } from '../evaluation/checks/table.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import { Random } from '../foundation/random.ts';
import { LanguageModel } from '../inference/languageModel.ts';
import { readAdapter } from '../methods/adapter.ts';
import type { Method, TrainedTensors } from '../methods/method.ts';
import { trainingForm } from '../methods/promptEncoder.ts';
import { configureMethod } from '../methods/table.ts';
import { continued, writeTrained } from '../methods/trainedAdapter.ts';
import type { Model } from '../models/model.ts';
import { chooseDevice } from '../runtime/devices.ts';
import { checkFits, newestCheckpoint, readCheckpoint } from '../training/checkpoint.ts';
import type { StartEvent, TrainingEvent } from '../training/events.ts';
import { totalSteps } from '../training/options.ts';
import { type TrainingOutcome, train } from '../training/train.ts';
import { checkSubject } from './checkAdapter.ts';
import type { Environment } from './environment.ts';
import { readExperimentRows } from './experimentRows.ts';
import { madeWith } from './madeWith.ts';
import { checkLabels, modelUse } from './modelUse.ts';
import type { Experiment } from './schema.ts';
import type { TrainingEngine, TrainingRequest } from './trainExperiment.ts';
import type { PlaceOf } from './trainingPlace.ts';
import { TrainingSampler } from './trainingSample.ts';

/** Training with the real engine: from an experiment to the engine's setup, and from its outcome to PEFT's files. */
export function trainingEngine(placeOf: PlaceOf): TrainingEngine {
  return { train: (request, signal) => trainWithEngine(placeOf, request, signal), check: checkTrained };
}

async function* trainWithEngine(
  placeOf: PlaceOf,
  request: TrainingRequest,
  signal: AbortSignal,
): AsyncGenerator<TrainingEvent> {
  const { experiment, checkpoints, adapterFolder } = request;
  const { model, device, reason, runners } = await placeOf(experiment);
  checkLabels(experiment, model);
  const { method: configured, initial } = await startingPoint(experiment, model);
  const rows = await readExperimentRows(experiment, model, configured);
  const stored = configured.forRun?.(totalSteps(experiment.training, rows.train.length)) ?? configured;
  const method = trainingForm(stored);
  const checkpoint = request.resume ? await newestCheckpoint(checkpoints) : null;
  const resume = checkpoint === null ? null : await readCheckpoint(checkpoint);
  if (checkpoint !== null && resume !== null) checkFits(checkpoint, resume, method, experiment.training.optim);
  const sampler = request.quiet ? null : await TrainingSampler.create(model, device, method, rows.validation);
  const events = train(
    {
      model,
      method,
      initial: await initial(),
      rows: rows.train,
      validation: rows.validation,
      options: experiment.training,
      device,
      runners,
      checkpoints,
      resume,
      sample: sampler && ((tensors) => sampler.sample(tensors)),
      now: () => performance.now(),
    },
    signal,
  );
  try {
    const outcome = yield* withSetUp(events, {
      device_reason: reason,
      made_with: await madeWith(),
      ...(rows.tooLong > 0 && { rows_left_out: rows.tooLong }),
      ...(rows.unsupervised > 0 && { rows_unsupervised: rows.unsupervised }),
    });
    const { tensors, ...end } = outcome;
    await writeTrained(adapterFolder, stored, tensors);
    yield { event: 'done', ...end, adapter: adapterFolder };
  } finally {
    await sampler?.close();
  }
}

async function checkTrained(
  { experiment, adapterFolder }: TrainingRequest,
  trainedOn: string,
  signal: AbortSignal,
  env: Pick<Environment, 'now'>,
): Promise<readonly CheckResult[]> {
  const { device } = await chooseDevice(experiment.training.device);
  const language = await LanguageModel.open(experiment.model, device, modelUse(experiment));
  try {
    const request = { language, adapter: adapterFolder, experiment, data: null, names: shortChecks };
    const found: CheckResult[] = [];
    const subject = await checkSubject(request, trainedOn);
    for await (const result of runChecks(subject, shortChecks, signal, env.now)) found.push(result);
    return found;
  } finally {
    await language.close();
  }
}

/** The engine's events, the first one with what only the set-up knows. */
async function* withSetUp(
  events: ReturnType<typeof train>,
  known: Pick<StartEvent, 'device_reason' | 'made_with' | 'rows_left_out' | 'rows_unsupervised'>,
): AsyncGenerator<TrainingEvent, TrainingOutcome> {
  try {
    for (;;) {
      const { value, done } = await events.next();
      if (done) return value;
      yield value.event === 'start' ? { ...value, ...known } : value;
    }
  } finally {
    // Ends the run when the reader leaves before the end; does nothing after it.
    await events.return(undefined as never);
  }
}

/** The configured method as it will be stored, and how to make the first tensors of what it trains. */
async function startingPoint(
  experiment: Experiment,
  model: Model,
): Promise<{ method: Method; initial: () => Promise<TrainedTensors> }> {
  const { init_from: from, ...given } = experiment.method;
  const config = given as JsonObject;
  if (from === undefined) {
    const method = configureMethod(config, model);
    const random = Random.of(experiment.training.seed, 'init');
    const needsText = [config, ...membersOf(config)].some(({ prompt_tuning_init }) => prompt_tuning_init === 'TEXT');
    const tokenizer = needsText ? await openTokenizer(model.dir) : null;
    const encode = tokenizer && ((text: string) => tokenizer.encode(text, { addSpecialTokens: true }));
    return { method, initial: () => method.initialise({ model, random, encode }) };
  }
  const stored = await readAdapter(from, model);
  const asked = configureMethod(goingOn(from, stored.method.config, config), model);
  const other = otherTensor(stored.method, asked) ?? otherTensor(asked, stored.method);
  if (other !== null) {
    const problem = `does not hold the tensors that the experiment's method trains (${other})`;
    throw new SoftpromptError('adapter-unusable', { dir: from, problem });
  }
  const { method, tensors } = await continued(stored, asked, model);
  return { method, initial: async () => tensors };
}

/** What an adapter goes on as: its own configuration with what the experiment gives. */
function goingOn(dir: string, stored: JsonObject, given: JsonObject): JsonObject {
  const own: JsonObject = { ...stored, peft_type: methodNameOf(stored) };
  for (const key of ['peft_type', 'num_virtual_tokens', 'projection_prng_key']) {
    if (given[key] !== undefined && given[key] !== own[key]) {
      const problem = `has ${key} ${String(own[key])}, but the experiment asks for ${String(given[key])}`;
      throw new SoftpromptError('adapter-unusable', { dir, problem });
    }
  }
  const [before, now] = [membersOf(stored), membersOf(given)];
  if (before.length !== now.length) {
    const problem = `has ${before.length} methods, but the experiment asks for ${now.length}`;
    throw new SoftpromptError('adapter-unusable', { dir, problem });
  }
  // What is planned over the steps of a run is planned anew.
  const { total_step: _, ...kept } = stored;
  if (before.length === 0) return { ...kept, ...given };
  return { ...kept, ...given, methods: before.map((member, i) => goingOn(dir, member, now[i]!)) };
}

/** The configurations of a union's members. */
function membersOf({ methods }: JsonObject): readonly JsonObject[] {
  return (methods ?? []) as readonly JsonObject[];
}

/** A tensor that one of two methods has and the other has not, or in another shape. */
function otherTensor(one: Method, other: Method): string | null {
  const named = ({ trainables }: Method) => trainables.map(({ name, dims }) => `${name} [${dims.join(', ')}]`);
  const known = new Set(named(other));
  return named(one).find((tensor) => !known.has(tensor)) ?? null;
}
