import type { ReliabilityBin } from './metrics/calibration.ts';
import type { ClassFigures } from './metrics/classification.ts';

/** A finished evaluation: arms on the same rows, with every row's answer kept so that a later metric needs no new run. */
export interface EvaluationResult {
  readonly id: string;
  /** ISO time. */
  readonly created: string;
  /** Absolute path of the experiment file. */
  readonly experiment: string;
  /** Absolute folder of the model. */
  readonly model: string;
  /** The rows' file. */
  readonly data: string;
  /** 'choice': a closed set of labels ranked by likelihood; 'text': greedy generation. */
  readonly mode: 'choice' | 'text';
  readonly labels: readonly string[] | null;
  readonly metrics: readonly MetricName[];
  /** Names of the metrics that are modules beside the data; absent where there are none. */
  readonly custom_metrics?: readonly string[];
  /** In the order asked for; the base model first. */
  readonly arms: readonly ArmResult[];
  /** Every two arms by every metric that applies to both; absent in evaluations of older versions. */
  readonly pairs?: readonly PairResult[];
  /** What that means for each adapter, in words. */
  readonly verdicts?: readonly string[];
  /** What to bear in mind before believing the figures, in words; absent in evaluations of older versions. */
  readonly remarks?: readonly string[];
  /** Rows that are training rows of the experiment too; absent where none are. */
  readonly leaked_rows?: readonly LeakedRow[];
  readonly rows: readonly RowResult[];
}

/** A test row that is a training row too. */
export interface LeakedRow {
  /** Of the test row, from 0. */
  readonly index: number;
  readonly line: number;
  /** The line of the training row. */
  readonly training_line: number;
  /** Jaccard similarity of their runs of characters; 1 for texts that are the same but for case and white space. */
  readonly similarity: number;
}

/** The metrics that exist; a metric that does not apply to an arm is null there. */
export const metricNames = [
  'accuracy',
  'f1',
  'mcc',
  'ece',
  'exact_match',
  'token_f1',
  'rouge1',
  'rouge2',
  'rougeL',
  'bleu',
  'chrf',
  'perplexity',
  'bits_per_byte',
] as const;
/** Any of them. */
export type MetricName = (typeof metricNames)[number];

/** Two arms on the same rows by one metric: is the difference more than chance? */
export interface PairResult {
  /** Arms' names. */
  readonly a: string;
  readonly b: string;
  /** A metric's name, or that of a module beside the data. */
  readonly metric: string;
  /** The metric of `a` minus that of `b`. */
  readonly difference: number;
  /** 95 % interval of the difference. */
  readonly low: number;
  readonly high: number;
  /** Chance of a difference at least as large without there being one. */
  readonly p: number;
  /** The same, over all pairs of the metric that were looked at (Holm). */
  readonly p_corrected: number;
  /** Rows that `a` gets right and `b` wrong, the other way round, and the rest. */
  readonly wins: number;
  readonly losses: number;
  readonly ties: number;
  /** Effect size of right and wrong answers: odds that a differing row is won; null without lost rows, or for another metric. */
  readonly odds: number | null;
  /**
   * The smallest difference that as many rows, differing as often, show with a power of 0.8 at a level of 0.05 over all pairs; more
   * than 1 for a share where so few rows show none.
   */
  readonly detectable: number;
}

/** One arm's figures. */
export interface ArmResult {
  /** Unique in the evaluation, e.g. `base`, `zero_shot`, `few_shot`, `commit-kind 3`. */
  readonly name: string;
  readonly kind: 'base' | 'hard_prompt' | 'adapter';
  /** Hard prompt's text, the adapter's folder, or what it is a combination of. */
  readonly detail: string | null;
  /** The name of the arm that is the same but for the rows' context, which this one does not read; absent in all others. */
  readonly without_context?: string;
  /** How its prompt was found, where it was searched for. */
  readonly found?: FoundPrompt;
  readonly metrics: Readonly<Partial<Record<MetricName, number | null>>>;
  /** Figures of the modules beside the data; absent where there are none. */
  readonly custom?: Readonly<Record<string, number>>;
  /** By the guard's name; a hard prompt's are the base model's. Absent without guards. */
  readonly guard?: Readonly<Record<string, GuardFigure>>;
  /** How likely it finds what training was to make unlikely; absent where nothing was, and for hard prompts. */
  readonly avoided?: AvoidedFigure;
  /** Absent without guards, and for arms without an adapter. */
  readonly base_untouched?: UntouchedBase;
  /** counts[expected][answered]; the last column counts answers outside the labels. Null for open text. */
  readonly confusion: { readonly labels: readonly string[]; readonly counts: readonly (readonly number[])[] } | null;
  /** Figures of each label; absent for open text. */
  readonly classes?: readonly ClassFigures[];
  /** How right answers are by how sure they are; absent where they have no probability. */
  readonly reliability?: readonly ReliabilityBin[];
  /** Rows this arm gets right and the base wrong, and the other way round. */
  readonly wins: number;
  readonly losses: number;
  /** That the model took for its answers, whenever they were given. */
  readonly seconds: number;
  /** Rows whose answers were kept from an evaluation before, of the same model, adapter and questions; absent where none were. */
  readonly cached_rows?: number;
  readonly trainable_parameters: number;
  /** Absent in evaluations of older versions. */
  readonly cost?: ArmCost;
  /** Real tokens a second in the training that made the adapter; absent where that is not on record here. */
  readonly training_tokens_per_second?: number;
  /** Seconds of its steps and validations; absent as well. */
  readonly training_seconds?: number;
  /** Size of the adapter's tensors on disk; 0 for arms without an adapter. */
  readonly bytes: number;
}

/** Whether an arm is the one that wins, losses and changes are counted against. */
export function isBase({ kind, without_context }: Pick<ArmResult, 'kind' | 'without_context'>): boolean {
  return kind === 'base' && without_context === undefined;
}

/** How likely completions that are to be avoided are with an arm. */
export interface AvoidedFigure {
  readonly rows: number;
  /** Mean natural-log probability of their tokens; null where none can be scored. */
  readonly log_probability: number | null;
  /** Against the base model's: below 0 where they have become less likely. Null for the base model itself. */
  readonly change: number | null;
}

/** What an arm costs, measured on the machine and device of the evaluation that answered its rows. */
export interface ArmCost {
  /** Trained numbers of a hundred of the model's. */
  readonly trainable_percent: number;
  /** Putting the adapter in the place of another one, its sessions being ready. */
  readonly swap_ms: number;
  /** From a prompt of median length to the logits of the first new token; in classification, to the class. */
  readonly first_token_ms: number;
  /** Each later token, one row at a time; null for a model that writes none. */
  readonly token_ms: number | null;
  /** Most bytes of the process in memory while the arm answered; sessions of arms before it are among them. */
  readonly memory_bytes: number;
}

/** An arm's figure on a guard: rows outside of the experiment. */
export interface GuardFigure {
  readonly figure: 'perplexity' | 'accuracy';
  readonly value: number | null;
  /** Minus the base model's; null where either has none. */
  readonly change: number | null;
  readonly rows: number;
}

/** How far the base model, after an adapter was taken off, is what it was before all adapters. */
export interface UntouchedBase {
  /** Whether the model's files have the same fingerprint. */
  readonly fingerprint: boolean;
  /** Of a logit, on rows of drawn tokens. */
  readonly largest_logit_difference: number;
}

/** A hard prompt that a search ended with. */
export interface FoundPrompt {
  readonly prompt: string;
  /** The one it began with. */
  readonly given: string;
  /** Prompts that were tried, the given one included. */
  readonly tried: number;
  /** Validation rows each was tried on, and how many of them the found and the given one got right. */
  readonly rows: number;
  readonly right: number;
  readonly given_right: number;
}

/** One row with every arm's answer, by arm name. */
export interface RowResult {
  readonly index: number;
  readonly input: string;
  readonly expected: string;
  readonly answers: Readonly<Record<string, RowAnswer>>;
}

/** What one arm answered on one row. */
export interface RowAnswer {
  /** The chosen label, or the generated text. */
  readonly text: string;
  readonly correct: boolean;
  /** Probability of the chosen label among the labels (choice), or null. */
  readonly probability: number | null;
  /** Of all labels, in their order (choice); absent in evaluations of older versions. */
  readonly probabilities?: readonly number[];
  /** Mean negative log-likelihood of the expected target, nats a token. */
  readonly target_loss: number;
  readonly target_tokens: number;
  /** UTF-8 bytes of the target's text; absent without a tokenizer. */
  readonly target_bytes?: number;
  /** What greedy generation wrote although the labels were ranked (choice); says whether the form was found, not only the label. */
  readonly greedy?: string;
}

/** How far an evaluation is. */
export interface EvaluationProgress {
  readonly arm: string;
  readonly armIndex: number;
  readonly arms: number;
  readonly row: number;
  readonly rows: number;
}
