import { unsupervised } from '../../models/labelledRow.ts';
import type { CheckSubject, Measured } from './check.ts';

/** Share of the training rows whose last supervised label ends the text: a model learns to stop from these alone. */
export async function endOfTextShare({ language, rows, tokenised }: CheckSubject): Promise<Measured> {
  if (language.model.task === 'seq_cls') return { none: 'a classifier writes no text' };
  if (rows === null || rows.length === 0) return { none: 'the training rows are not known' };
  const ends = language.hasTokenizer ? language.tokenizer.eosTokenIds : [];
  if (ends.length === 0) return { none: 'the model folder does not say which token ends a text' };
  const ending = rows.filter(({ labels }) => {
    const last = Array.from(labels).findLast((label) => label !== unsupervised);
    return last !== undefined && ends.includes(last);
  }).length;
  if (ending === 0 && tokenised) return { none: 'the rows came as token ids without an end token' };
  return ending / rows.length;
}
