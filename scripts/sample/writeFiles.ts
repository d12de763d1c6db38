/**
 * Writes what the sample workspace has besides the trained weights: the experiments' data, the texts to try in the
 * editor, the tokenizer and the configuration of the base. Run: node scripts/sample/writeFiles.ts
 */
import { join } from 'node:path';
import { writeFileAtomic } from '../../src/foundation/files.ts';
import { experiments, type Row, rowsOf } from './experiments.ts';
import { modelFiles } from './modelFiles.ts';

const samples = join(import.meta.dirname, '../../samples');

/** All files by their path in samples/. */
export function sampleFiles(): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const experiment of experiments) {
    const rows = rowsOf(experiment);
    const jsonLines = (split: readonly Row[]) => split.map((row) => `${JSON.stringify(row)}\n`).join('');
    files.set(`data/${experiment.name}.train.jsonl`, jsonLines(rows.train));
    files.set(`data/${experiment.name}.val.jsonl`, jsonLines(rows.val));
    files.set(`data/${experiment.name}.test.jsonl`, jsonLines(rows.test));
    files.set(`try/${experiment.name}.txt`, rows.try.map((row) => `${row[experiment.columns.input]}\n`).join(''));
  }
  for (const [name, content] of modelFiles()) files.set(`models/tiny/${name}`, content);
  return files;
}

if (import.meta.main) {
  for (const [path, content] of sampleFiles()) await writeFileAtomic(join(samples, path), content);
}
