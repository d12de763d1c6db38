import type { LanguageModel } from '../../inference/languageModel.ts';
import type { BatchLoss } from '../../inference/lossRunner.ts';
import type { Adapter } from '../../methods/adapter.ts';
import type { Method, TrainedTensors } from '../../methods/method.ts';
import type { LabelledRow } from '../../models/labelledRow.ts';

/** What can be checked of an adapter on its model. */
export type CheckName = 'base' | 'padding' | 'swap' | 'reload' | 'effect' | 'end_of_text' | 'gradient' | 'overfit';

/** What a check found. */
export interface CheckResult {
  readonly name: CheckName;
  /** Null where there is nothing to measure, or measuring failed. */
  readonly figure: number | null;
  readonly limit: number;
  /** Null where the check does not apply. */
  readonly passed: boolean | null;
  /** Why it does not apply, or why measuring failed. */
  readonly note?: string;
  /** What to do about one that failed; absent on results of older versions. */
  readonly todo?: string;
  /** When, as an ISO time. */
  readonly time: string;
}

/** The loss of rows with gradients of what is trained. */
export interface GradientSource {
  run(
    rows: readonly LabelledRow[],
    trained: TrainedTensors,
    scale?: number,
    penaltyShare?: number,
  ): Promise<Pick<BatchLoss, 'loss' | 'logprobs' | 'gradients'>>;
  close(): Promise<void>;
}

/** What is checked. */
export interface CheckSubject {
  readonly language: LanguageModel;
  readonly adapter: Adapter;
  /** Fingerprint of the base model the adapter was trained on; null where no card tells. */
  readonly trainedOn: string | null;
  /** The training rows; null where they are not known. */
  readonly rows: readonly LabelledRow[] | null;
  /** Whether the rows came as token ids, so that their end was somebody else's choice. */
  readonly tokenised: boolean;
  /** The rate that overfitting is tried with. */
  readonly learningRate: number;
  /** Opens a method's gradients on the model. */
  readonly gradients: (method: Method) => Promise<GradientSource>;
}

/** A figure, or in words why there is none. */
export type Measured = number | { readonly none: string };

/** A check: what it measures, and where good ends. */
export interface CheckRule {
  /** What is checked, in a few words. */
  readonly title: string;
  /** What the figure is. */
  readonly figure: string;
  readonly limit: number;
  /** How the figure must stand to the limit. */
  readonly bound: 'at most' | 'above' | 'below';
  /** Whether it takes as long as some training; the others run after every training. */
  readonly long: boolean;
  /** What to do when it fails. */
  readonly todo: string;
  readonly measure: (subject: CheckSubject, signal: AbortSignal) => Promise<Measured>;
}
