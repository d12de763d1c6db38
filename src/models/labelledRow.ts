import { SoftpromptError } from '../foundation/errors.ts';

/** A row of a batch, without padding. */
export interface LabelledRow {
  readonly inputIds: ArrayLike<number>;
  /**
   * causal_lm: one a position of `inputIds`, the token that stands there, or -100 where it is not supervised.
   * seq_2_seq_lm: the tokens that are to be written. seq_cls: one class index.
   */
  readonly labels: ArrayLike<number>;
  /** Which kind each token is, where a model knows several (BERT's segments); 0 everywhere when absent. */
  readonly tokenTypeIds?: ArrayLike<number>;
  /** Weight of each label's loss; 1 everywhere when absent. */
  readonly weights?: ArrayLike<number>;
}

/** The label of a position that is not supervised. */
export const unsupervised = -100;

/**
 * Checks that ids are tokens of a model: beyond its table the runtime would fail without saying where, or read elsewhere.
 * @throws SoftpromptError token-unknown
 */
export function checkTokens(ids: ArrayLike<number>, vocabulary: number): void {
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i]!;
    if (!(id >= 0 && id < vocabulary)) throw new SoftpromptError('token-unknown', { id, vocabulary });
  }
}
