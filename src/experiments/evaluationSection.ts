import { z } from 'zod';
import { metricNames } from '../evaluation/result.ts';
import { combineMethods } from '../methods/combineRules.ts';
import type { Task } from '../models/task.ts';
import { labels, template } from './templateSection.ts';

const path = z.string().min(1);
const positiveInteger = z.int().min(1);

/** More prompts than a search is worth: each is tried on up to 128 rows. */
const maxTries = 200;

const baseline = z.strictObject({
  prompt: z.string().min(1).describe('A hand-written prompt; {{column}} is the value of that column of the row.'),
  shots: positiveInteger.optional().describe('Training rows shown as examples before it. Default: none.'),
  search: z
    .int()
    .min(2)
    .max(maxTries)
    .optional()
    .describe(
      'Tries so many prompts, this one, common templates and edits of the best so far, on the validation rows and takes the one that gets most of them right. Test rows play no part; equal seeds find equal prompts. Default: the prompt as it is.',
    ),
});

const guard = z.strictObject({
  data: path.describe(
    'Rows of another task, or a text: .jsonl, .json, .csv, .tsv, .parquet or .txt, relative to this file.',
  ),
  template: template
    .optional()
    .describe('How its rows become text. Without one their `text` is read as one text, for its perplexity.'),
  labels: labels
    .optional()
    .describe('The closed set of its answers: accuracy is measured. Without one, perplexity of the targets.'),
});

const metric = z.enum(metricNames);

/** A name that can head a column. */
const metricKey = z.string().regex(/^[A-Za-z][A-Za-z0-9_]*$/, 'must be a word of letters, digits and _');

const combination = z.strictObject({
  adapters: z
    .record(z.string().min(1), z.number())
    .refine((adapters) => Object.keys(adapters).length > 0, 'names no adapter')
    .describe('Weight of each adapter: NAME, NAME@VERSION or a folder of one.'),
  combination_type: z
    .enum(combineMethods)
    .default('exact')
    .describe("How they are combined: exactly, or in one of the ways of PEFT's add_weighted_adapter."),
  density: z.number().gt(0).max(1).default(1).describe('Share of elements that ties, dare and magnitude_prune keep.'),
  majority_sign_method: z.enum(['total', 'frequency']).default('total').describe('How ties elect a sign.'),
});

/** The section `evaluation`: what is compared, and by which figures. */
export const evaluation = z.strictObject({
  metrics: z
    .array(metric)
    .min(1)
    .optional()
    .describe(
      'Figures of each arm; the first one decides the verdict. Default: accuracy and f1 with labels, otherwise exact_match and perplexity. bleu and chrf are those of sacrebleu, rouge1, rouge2 and rougeL those of rouge_score without stemming.',
    ),
  custom_metrics: z
    .record(metricKey, path)
    .default({})
    .describe(
      'Metrics of your own, by name: JavaScript modules, relative to this file, that export metric(rows), which gives a number for rows of {input, expected, answer}.',
    ),
  baselines: z
    .record(z.string().min(1), baseline)
    .default({})
    .describe('Hard prompts to compare with, by a name of your own.'),
  guard: z
    .record(z.string().min(1), guard)
    .default({})
    .describe(
      'Rows outside of this experiment, by a name of your own: every arm says how its perplexity or accuracy on them differs from the base model, which is what was forgotten.',
    ),
  combinations: z
    .record(z.string().min(1), combination)
    .default({})
    .describe('Adapters that are combined into one arm, by a name of your own; nothing is saved.'),
  temperature: z
    .number()
    .min(0)
    .default(0)
    .describe(
      'Answers without labels are drawn at this temperature, in every arm with the same draws (training.seed); 0, the default, takes the most likely token.',
    ),
  top_p: z
    .number()
    .gt(0)
    .max(1)
    .optional()
    .describe('With a temperature: draws from the likeliest tokens of this probability together. Default: from all.'),
  max_new_tokens: positiveInteger.default(64).describe('Longest answer generated for a row without labels, tokens.'),
});

type Fail = (path: PropertyKey[], message: string) => void;

function checkGuard(
  task: Task,
  path: readonly string[],
  { template, labels }: z.output<typeof guard>,
  fail: Fail,
): void {
  if (task === 'seq_cls')
    fail([...path], 'goes without task: seq_cls only; a classifier answers nothing but its own classes');
  else if (task === 'seq_2_seq_lm' && template === undefined) {
    fail([...path, 'template'], 'is needed with task: seq_2_seq_lm, whose model has no perplexity of a text alone');
  } else if (labels !== undefined && template === undefined) fail([...path, 'template'], 'is needed with labels');
  if (labels !== undefined && new Set(labels).size < labels.length) fail([...path, 'labels'], 'names a label twice');
}

/** Rules between the section and the rest of the experiment. */
export function checkEvaluation(
  e: {
    readonly task: Task;
    readonly labels?: readonly string[] | undefined;
    readonly data: { readonly validation?: string | undefined; readonly validation_split?: number | undefined };
    readonly evaluation: z.output<typeof evaluation>;
  },
  fail: Fail,
): void {
  const { data } = e;
  if (e.evaluation.temperature > 0 && (e.labels !== undefined || e.task === 'seq_cls')) {
    fail(['evaluation', 'temperature'], 'is about answers in words; labels are ranked by their likelihood');
  }
  if (e.evaluation.top_p !== undefined && e.evaluation.temperature === 0) {
    fail(['evaluation', 'top_p'], 'needs evaluation.temperature above 0, without which nothing is drawn');
  }
  const [baseline] = Object.keys(e.evaluation.baselines);
  if (e.task === 'seq_cls' && baseline !== undefined) {
    fail(['evaluation', 'baselines', baseline], 'goes without task: seq_cls only; a classifier follows no prompt');
  }
  for (const [name, guard] of Object.entries(e.evaluation.guard))
    checkGuard(e.task, ['evaluation', 'guard', name], guard, fail);
  for (const [name, { search }] of Object.entries(e.evaluation.baselines)) {
    if (search === undefined || data.validation !== undefined || data.validation_split !== undefined) continue;
    const problem =
      'needs data.validation or data.validation_split; a search on the test rows would flatter its prompt';
    fail(['evaluation', 'baselines', name, 'search'], problem);
  }
  for (const name of metricNames.filter((known) => Object.hasOwn(e.evaluation.custom_metrics, known))) {
    fail(['evaluation', 'custom_metrics', name], 'is the name of a metric that exists; choose another');
  }
  for (const section of ['baselines', 'combinations'] as const) {
    if (!Object.hasOwn(e.evaluation[section], 'base')) continue;
    fail(['evaluation', section, 'base'], '"base" is the name of the model without a prompt; choose another');
  }
  const twice = Object.keys(e.evaluation.combinations).find((name) => Object.hasOwn(e.evaluation.baselines, name));
  if (twice !== undefined) fail(['evaluation', 'combinations', twice], 'is the name of a baseline too; choose another');
}
