import { type Judged, type RowSums, rowSums } from './rowSums.ts';

/** exp of the mean loss over all target tokens; undefined where no target could be scored. */
export function perplexity(rows: readonly Judged[]): RowSums {
  const add = ({ answer }: Judged, into: Float64Array) => {
    if (answer.target_tokens > 0) into.set([answer.target_loss * answer.target_tokens, answer.target_tokens]);
  };
  return rowSums(2, rows, add, ([loss, tokens]) => (tokens === 0 ? null : Math.exp(loss! / tokens!)));
}

/** Bits that the targets take, a byte of their UTF-8: unlike perplexity it compares models of different tokenizers. */
export function bitsPerByte(rows: readonly Judged[]): RowSums | null {
  if (rows.some(({ answer }) => answer.target_bytes === undefined)) return null;
  const add = ({ answer }: Judged, into: Float64Array) => {
    if (answer.target_tokens > 0) into.set([answer.target_loss * answer.target_tokens, answer.target_bytes!]);
  };
  return rowSums(2, rows, add, ([loss, bytes]) => (bytes === 0 ? null : loss! / Math.LN2 / bytes!));
}
