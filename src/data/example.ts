/** What the model is trained to do, by its loss. */
export type Task = 'causal_lm' | 'seq_2_seq_lm' | 'seq_cls';

/** A row as token ids, without padding. */
export interface Example {
  readonly inputIds: readonly number[];
  /**
   * causal_lm: one a position of `inputIds`, the token that stands there or `unsupervised`.
   * seq_2_seq_lm: the decoder's tokens. seq_cls: one class index.
   */
  readonly labels: readonly number[];
  /** Index of the row in its file, from 0. */
  readonly row: number;
}
