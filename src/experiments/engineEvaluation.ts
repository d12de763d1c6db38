import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fingerprintModel, sha256File } from '../checkpoint/fingerprint.ts';
import { checkClasses } from '../data/classes.ts';
import type { DataRow } from '../data/dataRow.ts';
import { withoutTemplate } from '../data/rowForms.ts';
import { rowTemplate, withContext } from '../data/rowTemplate.ts';
import { parseTemplate } from '../data/template.ts';
import { isTokenized } from '../data/tokenizedExample.ts';
import { type TooLong, tokenizeRows } from '../data/tokenizeRows.ts';
import type { ComparedAdapter } from '../evaluation/arms.ts';
import type { AnswerSampling } from '../evaluation/asking.ts';
import type { CustomMetric } from '../evaluation/customMetric.ts';
import { type EvaluationSetup, evaluate } from '../evaluation/evaluate.ts';
import {
  choicesOf,
  type Question,
  type QuestionTemplate,
  textQuestions,
  tokenizedQuestions,
} from '../evaluation/questions.ts';
import type { EvaluationProgress, EvaluationResult } from '../evaluation/result.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import { version } from '../foundation/version.ts';
import { LanguageModel } from '../inference/languageModel.ts';
import { readAdapter } from '../methods/adapter.ts';
import { positionsTaken } from '../methods/method.ts';
import { classNames } from '../models/classHead.ts';
import type { LabelledRow } from '../models/labelledRow.ts';
import type { Model, ModelUse } from '../models/model.ts';
import { chooseDevice } from '../runtime/devices.ts';
import { avoidedRows } from './avoidedRows.ts';
import { combinationText, combinedAdapter } from './combinationArms.ts';
import type { Environment } from './environment.ts';
import type { EvaluationEngine, EvaluationRequest } from './evaluateExperiment.ts';
import { readFileRows } from './fileRows.ts';
import { fromSecond, readGuards } from './guards.ts';
import { heldOut } from './heldOut.ts';
import { leakedRows } from './leakedRows.ts';
import { checkLabels, modelUse } from './modelUse.ts';
import { rowTexts } from './rowTexts.ts';
import type { Experiment } from './schema.ts';
import { tooLongLine } from './startWarnings.ts';

/** Gives the model of a folder on a device, and takes it back. */
export interface ModelLender {
  borrow(dir: string, device: string, use: ModelUse): Promise<LanguageModel>;
  giveBack(language: LanguageModel): Promise<void>;
}

/** Opens a model for one use and closes it after. */
export const openEachTime: ModelLender = {
  borrow: async (dir, device, use) => LanguageModel.open(dir, (await chooseDevice(device)).device, use),
  giveBack: (language) => language.close(),
};

/** Evaluation with the real engine, on models that somebody else may hold already. */
export function engineEvaluation(lender: ModelLender, env: Environment): EvaluationEngine {
  return { evaluate: (request, signal) => evaluateWithEngine(lender, env, request, signal) };
}

async function* evaluateWithEngine(
  lender: ModelLender,
  env: Environment,
  request: EvaluationRequest,
  signal: AbortSignal,
): AsyncGenerator<EvaluationProgress, EvaluationResult> {
  const { experiment, file } = request;
  const language = await lender.borrow(experiment.model, experiment.training.device, modelUse(experiment));
  try {
    const outcome = yield* evaluate(await setupOf(language, request, signal), signal);
    return {
      id: randomUUID(),
      created: env.now().toISOString(),
      experiment: file,
      model: experiment.model,
      data: experiment.data.test!,
      ...outcome,
    };
  } finally {
    await lender.giveBack(language);
  }
}

async function setupOf(
  language: LanguageModel,
  { experiment, adapters, answers }: EvaluationRequest,
  signal: AbortSignal,
): Promise<EvaluationSetup> {
  const { evaluation, training, labels, template, data } = experiment;
  const prompts = Object.entries(evaluation.baselines).map(([name, { prompt, shots = 0, search = 0 }]) => {
    return { name, prompt: parseTemplate(prompt), shots, search };
  });
  const shown = prompts.some((prompt) => prompt.shots > 0);
  const stored = [];
  for (const each of adapters) stored.push(await comparedAdapter(language.model, each, training.seed, signal));
  const taken = Math.max(0, ...stored.map(({ adapter }) => positionsTaken(adapter.method)));
  const { guards, leftOut } = await readGuards(experiment, language, taken);
  const avoided = await avoidedOf(experiment, language, taken);
  const sampling = samplingOf(experiment);
  const omitted = [...leftOut, ['training.unlikelihood', avoided.tooLong] as const].filter(
    ([, rows]) => rows.length > 0,
  );
  const shared = {
    language,
    metrics: evaluation.metrics,
    customMetrics: customMetricsOf(experiment),
    adapters: stored,
    maxNewTokens: evaluation.max_new_tokens,
    sampling,
    seed: training.seed,
    store: answers,
    modelKey: await modelKey(experiment.model),
    now: () => performance.now(),
    residentBytes: () => process.memoryUsage.rss(),
    guards,
    avoided: avoided.rows,
    found: [
      ...omitted.map(([name, rows]) => `${name}: ${tooLongLine(rows.length, rows)}`),
      ...(sampling === null
        ? []
        : [
            `Answers are drawn, at temperature ${sampling.temperature} with seed ${sampling.seed}: others may be drawn.`,
          ]),
    ],
  };
  const { classifier, config } = language.model;
  checkLabels(experiment, language.model);
  const classes = classifier && (labels ?? classNames(config, classifier.classes));
  const file = data.test!;
  const { rows } = await readFileRows(experiment, file);
  const common = { ...shared, leaked: await leakedRows(experiment) };
  if (rows.some(({ values }) => isTokenized(values))) {
    const vocabularySize = language.model.architecture.sizes.vocabulary;
    const { examples } = tokenizeRows(rows, { file, task: experiment.task, vocabularySize });
    checkClasses(file, examples, language.model);
    const decode = (ids: readonly number[]) =>
      language.hasTokenizer ? language.tokenizer.decode(ids, { skipSpecialTokens: true }) : ids.join(' ');
    const questions = tokenizedQuestions(file, examples, { task: experiment.task, decode, classes });
    const names = prompts.map(({ name }) => name).join(', ');
    const unread = `Without ${names}: a hard prompt is written around columns, and these rows are tokens.`;
    return {
      ...common,
      found: prompts.length === 0 ? common.found : [...common.found, unread],
      questions,
      choices: classes && { labels: classes, tokens: [] },
      hardPrompts: [],
      searched: null,
      template: null,
      trainRows: [],
    };
  }
  if (template === undefined) {
    throw new SoftpromptError('data-invalid', {
      file,
      problem: 'has rows of text, and the experiment has no template',
      todo: withoutTemplate,
    });
  }
  const { tokenizer } = language;
  const read = rowTemplate(template);
  const { target } = read;
  const asked = { tokenizer, input: withContext(read.input, read), target, task: experiment.task };
  const trainRows = shown ? (await readFileRows(experiment, data.train)).rows : [];
  const searches = prompts.some(({ search }) => search > 0);
  return {
    ...common,
    questions: textQuestions(file, rows, asked, labels ?? null),
    choices: classes
      ? { labels: classes, tokens: [] }
      : labels === undefined
        ? null
        : choicesOf(labels, { tokenizer, target }),
    hardPrompts: prompts,
    template: read,
    trainRows,
    searched: searches ? await searchQuestions(experiment, trainRows, asked) : null,
  };
}

function samplingOf({ evaluation, training }: Experiment): AnswerSampling | null {
  const { temperature, top_p: topP = 1 } = evaluation;
  return temperature === 0 ? null : { temperature, topP, seed: training.seed };
}

async function comparedAdapter(
  model: Model,
  each: EvaluationRequest['adapters'][number],
  seed: number,
  signal: AbortSignal,
): Promise<ComparedAdapter> {
  const { label } = each;
  if ('dir' in each) return { label, detail: each.dir, adapter: await readAdapter(each.dir, model) };
  return { label, detail: combinationText(each), adapter: await combinedAdapter(model, each, seed, signal) };
}

/** @throws SoftpromptError file-missing, before anything is asked */
function customMetricsOf({ evaluation }: Experiment): readonly CustomMetric[] {
  return Object.entries(evaluation.custom_metrics).map(([name, file]) => {
    if (!existsSync(file)) {
      throw new SoftpromptError('file-missing', { file, needed: `evaluation.custom_metrics.${name}` });
    }
    return { name, file };
  });
}

/** What is to be avoided: the rows of its file, or those that are evaluated on. */
async function avoidedOf(
  experiment: Experiment,
  { model }: LanguageModel,
  taken: number,
): Promise<{ readonly rows: readonly LabelledRow[]; readonly tooLong: readonly TooLong[] }> {
  const { unlikelihood } = experiment.training;
  if (unlikelihood === undefined) return { rows: [], tooLong: [] };
  const file = unlikelihood.data ?? experiment.data.test!;
  const maxLength = model.architecture.sizes.maxPositions - taken;
  const { rows: read } = await readFileRows(experiment, file);
  const { rows, tooLong } = await avoidedRows(experiment, model, { file, rows: read, maxLength });
  return { rows: experiment.task === 'causal_lm' ? rows.map(fromSecond) : rows, tooLong };
}

/** The validation rows as questions: those of the file, or those that are split off the training rows. */
async function searchQuestions(
  experiment: Experiment,
  trainRows: readonly DataRow[],
  asked: QuestionTemplate,
): Promise<readonly Question[]> {
  const { data, labels } = experiment;
  const { train, validation } = data;
  if (validation !== undefined) {
    return textQuestions(validation, (await readFileRows(experiment, validation)).rows, asked, labels ?? null);
  }
  const rows = trainRows.length > 0 ? trainRows : (await readFileRows(experiment, train)).rows;
  const held = heldOut(experiment, rowTexts(rows, train, experiment.template)).validation;
  return textQuestions(
    train,
    held.map((i) => rows[i]!),
    asked,
    labels ?? null,
  );
}

/** Files of a model folder that say how tokens are read and written, and when a text is over. */
const tokenFiles = ['tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json', 'generation_config.json'];

/** What answers depend on besides questions and adapters: the base model, its tokenizer, and the engine's version. */
async function modelKey(dir: string): Promise<string> {
  const read = tokenFiles.map((name) => join(dir, name)).filter((file) => existsSync(file));
  return [version, await fingerprintModel(dir), ...(await Promise.all(read.map(sha256File)))].join(' ');
}
