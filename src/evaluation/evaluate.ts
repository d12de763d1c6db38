import { Random } from '../foundation/random.ts';
import { noPositions } from '../methods/method.ts';
import type { LabelledRow } from '../models/labelledRow.ts';
import { type Arm, armsOf, type Compared } from './arms.ts';
import { askAll, checkRoom, promptsOf } from './asking.ts';
import { avoidedFigure } from './avoided.ts';
import { type CostMeter, measureCost } from './cost.ts';
import { type CustomMetric, type CustomMetricRow, customFigure, customResamples } from './customMetric.ts';
import { type Guard, guardFigure } from './guard.ts';
import { leakRemark } from './leakRemark.ts';
import { reliability } from './metrics/calibration.ts';
import { classFigures, confusionMatrix } from './metrics/classification.ts';
import { type Judged, scoreOf } from './metrics/rowSums.ts';
import { metricRules } from './metrics/table.ts';
import { compareCustomPairs, comparePairs } from './pairs.ts';
import type { Question } from './questions.ts';
import { type Ask, recallOrAsk } from './recall.ts';
import type {
  ArmCost,
  ArmResult,
  EvaluationProgress,
  EvaluationResult,
  GuardFigure,
  LeakedRow,
  MetricName,
  PairResult,
  RowAnswer,
  RowResult,
} from './result.ts';
import { stalledArms } from './stall.ts';
import { untilAborted } from './untilAborted.ts';
import { BaseWatch } from './untouched.ts';
import { customVerdicts, verdictsOf } from './verdicts.ts';

/** What is compared on which rows. */
export interface EvaluationSetup extends Compared, CostMeter {
  readonly metrics: readonly MetricName[];
  readonly customMetrics: readonly CustomMetric[];
  /** Rows outside of the experiment, on which adapters should leave the model as it is. */
  readonly guards: readonly Guard[];
  /** Rows whose supervised tokens are to be avoided; none where nothing is. */
  readonly avoided: readonly LabelledRow[];
  /** What reading the rows found that is to be borne in mind, in words. */
  readonly found: readonly string[];
  /** Questions that are training rows too. */
  readonly leaked: readonly LeakedRow[];
}

/** The arms' figures and every row's answers. */
export type EvaluationOutcome = Pick<
  EvaluationResult,
  'mode' | 'labels' | 'metrics' | 'custom_metrics' | 'arms' | 'rows' | 'pairs' | 'verdicts' | 'remarks' | 'leaked_rows'
>;

/** Runs every arm on the same rows, greedily; yields how far it is and returns the figures. */
export async function* evaluate(
  setup: EvaluationSetup,
  signal: AbortSignal,
): AsyncGenerator<EvaluationProgress, EvaluationOutcome> {
  const { questions, choices, metrics, customMetrics, guards } = setup;
  const arms: { readonly arm: Arm; readonly prompts: readonly (readonly number[])[] }[] = [];
  // Of all arms before the first is asked: that the last one has no room for a row is no news for the end.
  for (const arm of yield* armsOf(setup, signal)) {
    const prompts = await promptsOf(setup, arm.read, signal);
    checkRoom(setup, arm.adapter?.method ?? noPositions, prompts, arm.name);
    arms.push({ arm, prompts });
  }
  const watch = guards.length === 0 ? null : await BaseWatch.begin(setup.language);
  const results: ArmResult[] = [];
  const answers: Map<string, readonly RowAnswer[]> = new Map();
  const labels = choices?.labels ?? null;
  const judgedArms: { readonly name: string; readonly rows: readonly Judged[] }[] = [];
  for (const [armIndex, { arm, prompts }] of arms.entries()) {
    const { adapter, read, ...described } = arm;
    const place = { armIndex, arms: arms.length };
    const ask: Ask = (attached, known) => askAll(setup, attached, prompts, known, signal);
    const asked = recallOrAsk(setup, setup, adapter, prompts, ask, signal);
    let memory = 0;
    let next = await asked.next();
    for (; !next.done; next = await asked.next()) {
      memory = Math.max(memory, setup.residentBytes());
      yield { arm: arm.name, ...place, row: next.value, rows: questions.length };
    }
    const { answers: given, seconds, cached, kept } = next.value;
    const cost = kept.cost ?? (await costOf(setup, arm, prompts, memory, signal));
    if (kept.cost === null) await kept.keepCost(cost);
    answers.set(arm.name, given);
    const judged = questions.map(({ expected }, i) => ({ expected, answer: given[i]! }));
    judgedArms.push({ name: arm.name, rows: judged });
    const confusion = labels === null ? null : confusionMatrix(judged, labels);
    const bins = reliability(judged);
    const base = answers.get(arms[0]!.arm.name)!;
    const custom = await customFigures(setup, given, signal);
    const guarded = yield* guardFigures(setup, arm, place, results, signal);
    const avoided = yield* avoidedFigures(setup, arm, place, results, signal);
    results.push({
      ...described,
      metrics: Object.fromEntries(
        metrics.map((metric) => {
          const sums = metricRules[metric].sums(judged, labels);
          return [metric, sums === null ? null : scoreOf(sums)];
        }),
      ),
      ...custom,
      confusion,
      ...(confusion !== null && { classes: classFigures(confusion) }),
      ...(bins !== null && { reliability: bins }),
      ...guarded,
      ...avoided,
      ...(watch !== null && adapter !== null && { base_untouched: await watch.compare() }),
      wins: given.filter((answer, i) => answer.correct && !base[i]!.correct).length,
      losses: given.filter((answer, i) => !answer.correct && base[i]!.correct).length,
      seconds,
      cost,
      ...(cached > 0 && { cached_rows: cached }),
    });
  }
  const rows: RowResult[] = questions.map(({ index, input, expected }, i) => ({
    ...{ index, input, expected },
    answers: Object.fromEntries(arms.map(({ arm: { name } }) => [name, answers.get(name)![i]!])),
  }));
  const pairs: PairResult[] = [];
  for (const metric of metrics) pairs.push(...(await comparePairs(judgedArms, metric, labels, setup.seed, signal)));
  const tooSlow: string[] = [];
  for (const metric of customMetrics) {
    const place = { armIndex: arms.length - 1, arms: arms.length };
    yield { arm: `intervals of ${metric.name}`, ...place, row: 0, rows: questions.length };
    const asked = results.map(({ name }) => customRows(questions, answers.get(name)!));
    const drawn = await customResamples(metric, asked, Random.of(setup.seed, 'bootstrap'), signal);
    const scores = results.map(({ custom }) => custom![metric.name]!);
    pairs.push(...compareCustomPairs(judgedArms, metric.name, scores, drawn));
    if (drawn.length === 0 && arms.length > 1) tooSlow.push(metric.name);
  }
  const [first] = metrics;
  const deciding = pairs.filter(({ metric }) => metric === first);
  const verdicts = [
    ...(first === undefined ? [] : verdictsOf(results, deciding, first, rows.length)),
    ...customMetrics.flatMap(({ name }) => customVerdicts(results, pairs, name, rows.length)),
  ];
  const { leaked } = setup;
  const remarks = [
    ...setup.found,
    ...leakRemark(leaked, judgedArms, first, labels),
    ...stalledArms({ arms: results, rows, labels }),
    ...tooSlow.map((name) => `${name} takes too long on these rows to say how sure its differences are.`),
  ];
  return {
    ...{ mode: choices === null ? 'text' : 'choice', labels, metrics },
    ...(customMetrics.length > 0 && { custom_metrics: customMetrics.map(({ name }) => name) }),
    ...{ arms: results, pairs, verdicts, remarks },
    ...(leaked.length > 0 && { leaked_rows: leaked }),
    rows,
  };
}

function customRows(questions: readonly Question[], answers: readonly RowAnswer[]): readonly CustomMetricRow[] {
  return questions.map(({ input, expected }, i) => ({ input, expected, answer: answers[i]!.text }));
}

/** What the modules that come with the data make of an arm's answers. */
async function customFigures(
  { customMetrics, questions }: EvaluationSetup,
  answers: readonly RowAnswer[],
  signal: AbortSignal,
): Promise<Pick<ArmResult, 'custom'>> {
  if (customMetrics.length === 0) return {};
  const rows = customRows(questions, answers);
  const figures: [string, number][] = [];
  for (const metric of customMetrics) figures.push([metric.name, await customFigure(metric, rows, signal)]);
  return { custom: Object.fromEntries(figures) };
}

/** What an arm costs, by a prompt of median length; `memory` is what its rows took. */
async function costOf(
  setup: EvaluationSetup,
  { adapter, trainable_parameters }: Arm,
  prompts: readonly (readonly number[])[],
  memory: number,
  signal: AbortSignal,
): Promise<ArmCost> {
  const { language } = setup;
  const prompt = prompts.toSorted((a, b) => a.length - b.length)[Math.floor(prompts.length / 2)]!;
  const cost = await untilAborted(signal, measureCost(language, adapter, prompt, setup, signal));
  const trainable_percent = (100 * trainable_parameters) / language.model.parameters;
  return { trainable_percent, ...cost, memory_bytes: Math.max(memory, cost.memory_bytes) };
}

/** An arm's figures on the guards, against those of the base model, which comes first. */
async function* guardFigures(
  setup: EvaluationSetup,
  { name, adapter, without_context }: Arm,
  place: Pick<EvaluationProgress, 'armIndex' | 'arms'>,
  before: readonly ArmResult[],
  signal: AbortSignal,
): AsyncGenerator<EvaluationProgress, Pick<ArmResult, 'guard'>> {
  if (setup.guards.length === 0) return {};
  const base = before.find(({ kind }) => kind === 'base')?.guard;
  // A hard prompt stands before the experiment's rows only: whatever else is asked, the model is the base model.
  if (adapter === null && base !== undefined) return { guard: base };
  const withIt = before.find((arm) => arm.name === without_context)?.guard;
  if (withIt !== undefined) return { guard: withIt };
  const figures: [string, GuardFigure][] = [];
  for (const guard of setup.guards) {
    const measuring = guardFigure(setup, guard, adapter, signal);
    const rows = guard.figure === 'accuracy' ? guard.questions.length : guard.rows.length;
    let next = await measuring.next();
    for (; !next.done; next = await measuring.next()) {
      yield { arm: `${name} on ${guard.name}`, ...place, row: next.value, rows };
    }
    const { value } = next.value;
    const was = adapter === null ? value : (base?.[guard.name]?.value ?? null);
    figures.push([guard.name, { ...next.value, change: value === null || was === null ? null : value - was }]);
  }
  return { guard: Object.fromEntries(figures) };
}

/** How likely an arm finds what is to be avoided, against the base model, which comes first. */
async function* avoidedFigures(
  setup: EvaluationSetup,
  { name, kind, adapter, without_context }: Arm,
  place: Pick<EvaluationProgress, 'armIndex' | 'arms'>,
  before: readonly ArmResult[],
  signal: AbortSignal,
): AsyncGenerator<EvaluationProgress, Pick<ArmResult, 'avoided'>> {
  const { avoided } = setup;
  if (avoided.length === 0 || kind === 'hard_prompt' || without_context !== undefined) return {};
  const base = before.find((arm) => arm.kind === 'base')?.avoided ?? null;
  const measuring = avoidedFigure(setup, avoided, adapter, base, signal);
  let next = await measuring.next();
  for (; !next.done; next = await measuring.next()) {
    yield { arm: `${name} on what is avoided`, ...place, row: next.value, rows: avoided.length };
  }
  return { avoided: next.value };
}
