import { commonTexts, sameTexts } from '../data/duplicates.ts';
import { readRows } from '../data/rows.ts';
import type { LeakedRow } from '../evaluation/result.ts';
import { rowTexts } from './rowTexts.ts';
import type { Experiment } from './schema.ts';

/** Rows of both files together that nearly equal ones are looked for among: more would take longer than a second. */
const mostRows = 10_000;

/**
 * Which test rows are training rows of the experiment too, the same or nearly.
 * @returns none where the training rows cannot be read, which an evaluation does not need
 */
export async function leakedRows(experiment: Experiment): Promise<readonly LeakedRow[]> {
  const { data, template } = experiment;
  const textsOf = async (file: string) => rowTexts(await readRows(file), file, template);
  const trained = await textsOf(data.train).catch(() => []);
  const asked = await textsOf(data.test!);
  const look = trained.length + asked.length > mostRows ? sameTexts : commonTexts;
  const found = new Map(look(trained, asked).map((pair) => [pair.other, pair]));
  return asked.flatMap(({ line }, index) => {
    const pair = found.get(line);
    return pair === undefined ? [] : [{ index, line, training_line: pair.line, similarity: pair.similarity }];
  });
}
