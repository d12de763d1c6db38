import { basename } from 'node:path';
import type { z } from 'zod';
import { fingerprintModel } from '../checkpoint/fingerprint.ts';
import { answerPrompt, type TextAnswer } from '../evaluation/answer.ts';
import type { CheckResult } from '../evaluation/checks/check.ts';
import { checkNames } from '../evaluation/checks/table.ts';
import type { EvaluationProgress, EvaluationResult } from '../evaluation/result.ts';
import { cardExperiment, checkAdapter } from '../experiments/checkAdapter.ts';
import { type Combined, checkDestination, combineAdapters, saveCombined } from '../experiments/combineAdapters.ts';
import { engineEvaluation } from '../experiments/engineEvaluation.ts';
import { trainingEngine } from '../experiments/engineTraining.ts';
import type { Environment } from '../experiments/environment.ts';
import { evaluateExperiment } from '../experiments/evaluateExperiment.ts';
import { readExperiment } from '../experiments/experimentFile.ts';
import { type ExportReport, exportAdapterAs, exportTypes } from '../experiments/exporting.ts';
import { labelOf, readCard } from '../experiments/library.ts';
import { type MergeResult, mergeModel } from '../experiments/mergeModel.ts';
import { previewExperiment, previewedRows, previewLines } from '../experiments/previewExperiment.ts';
import { findStore } from '../experiments/store.ts';
import { newRun, reopenRun, trainRun } from '../experiments/trainExperiment.ts';
import { freshPlace } from '../experiments/trainingPlace.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import { type AttachedModel, LanguageModel } from '../inference/languageModel.ts';
import { readAdapter } from '../methods/adapter.ts';
import { adapterUse } from '../methods/adapterUse.ts';
import type { ModelUse } from '../models/model.ts';
import { chooseDevice, probeDevices } from '../runtime/devices.ts';
import type { TrainingEvent } from '../training/events.ts';
import { type Asking, askingOf, plainAsking } from './asking.ts';
import type { WorkerService } from './host.ts';
import type {
  ActivationReport,
  AnswerReport,
  activateParams,
  answerParams,
  CombineReport,
  checkParams,
  combineParams,
  DeviceReport,
  ExportOrder,
  evaluateParams,
  loadModelParams,
  ModelReport,
  mergeParams,
  previewParams,
  SweepOrder,
  SweepReport,
  saveCombinedParams,
  TrainReport,
  trainParams,
  WorkProgress,
} from './protocol.ts';
import { sweepExperiment } from './sweeping.ts';

/** Of what DARE keeps: the command line's default. */
const combineSeed = 42;

/** The adapter that answers. */
interface ActiveAdapter {
  readonly name: string;
  readonly attached: AttachedModel;
  readonly asking: Asking;
}

/** The engine as the worker serves it: one model with its base and, perhaps, an active adapter. */
export class EngineService implements WorkerService {
  readonly #env: Environment;
  #language: LanguageModel | null = null;
  /** The same folder opened for other tasks, by task and number of classes. */
  readonly #others = new Map<string, LanguageModel>();
  #base: AttachedModel | null = null;
  #active: ActiveAdapter | null = null;
  #baseFingerprint: Promise<string> | null = null;
  /** Combined and not yet saved. */
  #combined: Combined | null = null;

  constructor(env: Environment) {
    this.#env = env;
  }

  async devices(): Promise<readonly DeviceReport[]> {
    return probeDevices();
  }

  async loadModel({ dir, device: wanted }: z.infer<typeof loadModelParams>): Promise<ModelReport> {
    const began = performance.now();
    const { device, reason } = await chooseDevice(wanted);
    if (this.#language?.model.dir !== dir || this.#language.device !== device) {
      await this.#closeModels();
      this.#language = null;
      this.#base = null;
      this.#active = null;
      this.#baseFingerprint = null;
      this.#language = await LanguageModel.open(dir, device);
      this.#base = await this.#language.attach(null);
    }
    const { name, modelType, parameters, architecture } = this.#language.model;
    const { vocabulary, maxPositions } = architecture.sizes;
    const seconds = (performance.now() - began) / 1000;
    return { dir, name, modelType, parameters, vocabulary, maxPositions, device, deviceReason: reason, seconds };
  }

  async activate({ adapter: dir }: z.infer<typeof activateParams>): Promise<ActivationReport> {
    const language = this.#loaded();
    const began = performance.now();
    if (dir === null) {
      this.#active = null;
    } else {
      const card = await readCard(dir);
      if (card !== null && card.base.fingerprint !== (await this.#fingerprint(language))) {
        throw new SoftpromptError('adapter-base', { dir, trained: card.base.model, model: language.model.dir });
      }
      const used = await this.#forUse(await adapterUse(dir));
      const attached = await used.attach(await readAdapter(dir, used.model));
      const name = card === null ? basename(dir) : `${card.name} ${card.version}`;
      this.#active = { name, attached, asking: await askingOf(card, language) };
    }
    return { adapter: dir, milliseconds: performance.now() - began };
  }

  async answer({ text }: z.infer<typeof answerParams>, signal: AbortSignal): Promise<AnswerReport> {
    this.#loaded();
    const began = performance.now();
    const { prompt: fill, choices, maxNewTokens } = this.#active?.asking ?? plainAsking;
    const prompt = fill(text);
    const ask = (attached: AttachedModel) => answerPrompt(attached, prompt, choices, maxNewTokens, signal);
    return {
      prompt: prompt.text,
      adapterName: this.#active?.name ?? null,
      adapter: this.#active === null ? null : await ask(this.#active.attached),
      base: await this.#baseAnswer(ask),
      milliseconds: performance.now() - began,
    };
  }

  async train(
    params: z.infer<typeof trainParams>,
    signal: AbortSignal,
    report: (runId: string, event: TrainingEvent) => void,
  ): Promise<TrainReport> {
    const store = params.store ?? findStore(params.experiment, process.cwd());
    const prepared =
      params.resume === null
        ? await newRun(store, await readExperiment(params.experiment, params.set), this.#env)
        : await reopenRun(store, params.resume, this.#env);
    const runId = prepared.run.id;
    for await (const event of trainRun(trainingEngine(freshPlace), prepared, null, signal, this.#env)) {
      report(runId, event);
      if (event.event === 'done') return { runId, adapter: event.adapter, reason: event.reason };
    }
    throw new SoftpromptError('internal', { problem: 'a training run ended without its last event' });
  }

  sweep(order: SweepOrder, signal: AbortSignal, report: (progress: WorkProgress) => void): Promise<SweepReport> {
    return sweepExperiment(order, signal, report, this.#env);
  }

  async preview({ experiment, set }: z.infer<typeof previewParams>): Promise<readonly string[]> {
    const read = (await readExperiment(experiment, set)).experiment;
    return previewLines(await previewExperiment(read, previewedRows));
  }

  async evaluate(
    params: z.infer<typeof evaluateParams>,
    signal: AbortSignal,
    report: (progress: EvaluationProgress) => void,
  ): Promise<EvaluationResult> {
    const store = params.store ?? findStore(params.experiment, process.cwd());
    const loaded = await readExperiment(params.experiment, params.set);
    const adapters = params.adapters.map((dir) => ({ dir, label: labelOf(store, dir) }));
    const engine = engineEvaluation(
      { borrow: (dir, _, use) => this.#lend(dir, use), giveBack: async () => undefined },
      this.#env,
    );
    const request = { store, loaded, adapters, runId: params.runId };
    const events = evaluateExperiment(engine, request, signal, this.#env);
    let next = await events.next();
    for (; !next.done; next = await events.next()) report(next.value);
    return next.value;
  }

  /** Of the base model alone, unless an adapter answers and the base has no classifier: then there is nothing to say. */
  async #baseAnswer(ask: (attached: AttachedModel) => Promise<TextAnswer>): Promise<TextAnswer | null> {
    const untrained = this.#loaded().model.untrained.length > 0;
    return untrained && this.#active !== null ? null : ask(this.#base!);
  }

  async exportAdapter({ adapter, format, dtype, output }: ExportOrder, signal: AbortSignal): Promise<ExportReport> {
    const type = dtype === null ? null : exportTypes[dtype];
    const language = await this.#forUse(await adapterUse(adapter));
    return exportAdapterAs({ language, adapter, format, type, output, signal });
  }

  merge(
    params: z.infer<typeof mergeParams>,
    signal: AbortSignal,
    report: (progress: WorkProgress) => void,
  ): Promise<MergeResult> {
    return mergeModel(params, signal, ({ written, tensors }) => report({ done: written, all: tensors }));
  }

  async checkAdapter(
    { model, device: wanted, adapter, store }: z.infer<typeof checkParams>,
    signal: AbortSignal,
    report: (progress: WorkProgress) => void,
  ): Promise<readonly CheckResult[]> {
    const { device } = await chooseDevice(wanted);
    const language = await LanguageModel.open(model, device, await adapterUse(adapter));
    try {
      const experiment = await cardExperiment(store, await readCard(adapter));
      const request = { language, adapter, experiment, data: null, names: checkNames };
      const found: CheckResult[] = [];
      for await (const result of checkAdapter(request, signal, this.#env)) {
        found.push(result);
        report({ done: found.length, all: checkNames.length });
      }
      return found;
    } finally {
      await language.close();
    }
  }

  async combine(
    params: z.infer<typeof combineParams>,
    signal: AbortSignal,
    report: (progress: WorkProgress) => void,
  ): Promise<CombineReport> {
    const request = { ...params, rank: null, majoritySign: 'total', seed: combineSeed } as const;
    const combined = await combineAdapters(request, signal, (done, all) => report({ done, all }));
    this.#combined = combined;
    const { overall, largest, modules } = combined.residual;
    return { rank: Number(combined.adapter.method.config.r), modules: modules.size, overall, largest };
  }

  async saveCombined({ store, name }: z.infer<typeof saveCombinedParams>): Promise<{ readonly adapter: string }> {
    const combined = this.#combined;
    if (combined === null) throw new SoftpromptError('internal', { problem: 'nothing has been combined' });
    await checkDestination({ store, name });
    const adapter = await saveCombined(combined, { store, name }, this.#env);
    this.#combined = null;
    return { adapter };
  }

  /** The loaded model when an experiment is about it; another model is refused, since its client asked for this one. */
  async #lend(dir: string, use: ModelUse): Promise<LanguageModel> {
    const language = this.#loaded();
    if (language.model.dir !== dir) {
      throw new SoftpromptError('internal', { problem: `the worker holds ${language.model.dir}, not ${dir}` });
    }
    return this.#forUse(use);
  }

  /** The loaded model opened for something: another opening of the same folder where that is not what it was saved for. */
  async #forUse({ task, classes }: ModelUse): Promise<LanguageModel> {
    const language = this.#loaded();
    const { model, device } = language;
    const fits = task === undefined || task === model.task;
    if (fits && (classes === undefined || model.untrained.length === 0)) return language;
    const key = `${task} ${classes}`;
    const use = { ...(task !== undefined && { task }), ...(classes !== undefined && { classes }) };
    const other = this.#others.get(key) ?? (await LanguageModel.open(model.dir, device, use));
    this.#others.set(key, other);
    return other;
  }

  async #closeModels(): Promise<void> {
    for (const language of [this.#language, ...this.#others.values()]) await language?.close();
    this.#others.clear();
  }

  /** What the loaded model is, measured once. */
  #fingerprint(language: LanguageModel): Promise<string> {
    this.#baseFingerprint ??= fingerprintModel(language.model.dir);
    return this.#baseFingerprint;
  }

  #loaded(): LanguageModel {
    if (this.#language === null) throw new SoftpromptError('internal', { problem: 'no model is loaded' });
    return this.#language;
  }
}
