/** Token ids of a row, without padding. */
export interface ExampleTokens {
  readonly inputIds: readonly number[];
  /**
   * causal_lm: one a position of `inputIds`, the token that stands there or `unsupervised`.
   * seq_2_seq_lm: the decoder's tokens. seq_cls: one class index.
   */
  readonly labels: readonly number[];
  /** Which kind each token is, where a model knows several (BERT's segments). */
  readonly tokenTypeIds?: readonly number[];
}

/** A row as token ids. */
export interface Example extends ExampleTokens {
  /** Index of the row in its file, from 0. */
  readonly row: number;
  /** The line of its file that the row starts on, from 1. */
  readonly line: number;
}
