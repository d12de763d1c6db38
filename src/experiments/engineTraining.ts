import type { CheckResult } from '../evaluation/checks/check.ts';
import { runChecks, shortChecks } from '../evaluation/checks/table.ts';
import { LanguageModel } from '../inference/languageModel.ts';
import { previewMethod } from '../methods/preview.ts';
import { trainingForm } from '../methods/promptEncoder.ts';
import { writeTrained } from '../methods/trainedAdapter.ts';
import { chooseDevice } from '../runtime/devices.ts';
import { type EnergyMeter, machineFiles, openEnergyMeter } from '../runtime/energy.ts';
import { checkFits, newestCheckpoint, readCheckpoint } from '../training/checkpoint.ts';
import type { StartEvent, TrainingEvent } from '../training/events.ts';
import { totalSteps } from '../training/options.ts';
import { type TrainingOutcome, train } from '../training/train.ts';
import { checkSubject } from './checkAdapter.ts';
import { reportData } from './dataReport.ts';
import type { Environment } from './environment.ts';
import { readExperimentRows } from './experimentRows.ts';
import { formSentence } from './fileRows.ts';
import { madeWith } from './madeWith.ts';
import { checkLabels, modelUse } from './modelUse.ts';
import { startingPoint } from './startingPoint.ts';
import type { TrainingEngine, TrainingRequest } from './trainExperiment.ts';
import type { PlaceOf } from './trainingPlace.ts';
import { TrainingSampler } from './trainingSample.ts';

/** Rows left out that the log names. */
const mostNamed = 20;

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
  const { modules, unmatched } = previewMethod(stored, model);
  // What is wrong with test rows is for the evaluation to say, which needs them.
  const data = request.quiet ? null : await reportData(experiment, false).catch(() => null);
  const leaked = data?.leaks.reduce((sum, { pairs }) => sum + pairs.length, 0) ?? 0;
  const conflicting = data?.conflicts.length ?? 0;
  const checkpoint = request.resume ? await newestCheckpoint(checkpoints) : null;
  const resume = checkpoint === null ? null : await readCheckpoint(checkpoint);
  if (checkpoint !== null && resume !== null) checkFits(checkpoint, resume, method, experiment.training.optim);
  const sampler = request.quiet ? null : await TrainingSampler.create(model, device, method, rows.validation);
  const meter = await openEnergyMeter(machineFiles);
  const events = train(
    {
      model,
      method,
      initial: await initial(),
      rows: rows.train,
      validation: rows.validation,
      avoided: rows.avoided,
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
    const outcome = yield* withSetUp(events, meter, {
      device_reason: reason,
      made_with: await madeWith(),
      ...(leaked > 0 && { rows_leaked: leaked }),
      ...(conflicting > 0 && { rows_conflicting: conflicting }),
      ...(modules.length > 0 && { modules: modules.length }),
      ...(unmatched.length > 0 && { targets_unmatched: unmatched }),
      ...(rows.form !== null && { rows_form: formSentence(rows.form) }),
      ...(rows.tooLong.length > 0 && {
        rows_left_out: rows.tooLong.length,
        rows_left_out_at: rows.tooLong.slice(0, mostNamed),
      }),
      ...(rows.unsupervised > 0 && { rows_unsupervised: rows.unsupervised }),
    });
    const { tensors, ...end } = outcome;
    await writeTrained(adapterFolder, stored, tensors);
    const energy = meter === null ? {} : { energy_joules: await meter.joules() };
    yield { event: 'done', ...end, ...energy, adapter: adapterFolder };
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

/** The engine's events, the first one with what only the set-up knows. The meter is read at each, before its counters go round. */
async function* withSetUp(
  events: ReturnType<typeof train>,
  meter: EnergyMeter | null,
  known: Pick<
    StartEvent,
    | 'device_reason'
    | 'made_with'
    | 'modules'
    | 'targets_unmatched'
    | 'rows_form'
    | 'rows_leaked'
    | 'rows_conflicting'
    | 'rows_left_out'
    | 'rows_left_out_at'
    | 'rows_unsupervised'
  >,
): AsyncGenerator<TrainingEvent, TrainingOutcome> {
  try {
    for (;;) {
      const { value, done } = await events.next();
      if (done) return value;
      await meter?.joules();
      yield value.event === 'start' ? { ...value, ...known } : value;
    }
  } finally {
    // Ends the run when the reader leaves before the end; does nothing after it.
    await events.return(undefined as never);
  }
}
