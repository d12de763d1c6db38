/**
 * The gate of the sample base: every task of the mixture, greedily, exact to the letter and the end. Exits with 1 when a
 * task is below the limit: a plateau of one task does not show in the mean loss.
 * Run: node scripts/sample/gate.ts [model folder, default samples/models/tiny]
 */
import { join } from 'node:path';
import { generate } from '../../src/inference/generate.ts';
import { type AttachedModel, LanguageModel } from '../../src/inference/languageModel.ts';
import { type Document, evaluationRows, gateScore, taskNames } from './mixture.ts';

const rowsPerTask = 200;
const batchRows = 20;
/** No document of the pre-training's seed. */
const seed = 99;

/** The rows of a task, by whether the model answers them. */
export async function answered(base: AttachedModel, rows: readonly Document[]): Promise<readonly boolean[]> {
  const { tokenizer } = base.language;
  const encode = (text: string) => tokenizer.encode(text, { addSpecialTokens: false });
  const right: boolean[] = [];
  for (let at = 0; at < rows.length; at += batchRows) {
    const batch = rows.slice(at, at + batchRows);
    const answers = batch.map(({ answer }) => encode(answer));
    const written = await generate(
      base,
      batch.map(({ prompt }) => encode(prompt)),
      {
        maxNewTokens: Math.max(...answers.map((answer) => answer.length)) + 1,
        stopIds: tokenizer.eosTokenIds,
        sampling: null,
        signal: new AbortController().signal,
      },
    );
    for (const [i, ids] of written.entries()) right.push(ids.join() === answers[i]!.join());
  }
  return right;
}

/** Runs the gate; whether every task passed. */
async function gate(folder: string): Promise<boolean> {
  const language = await LanguageModel.open(folder, 'cpu');
  const base = await language.attach(null);
  let passed = true;
  for (const task of taskNames) {
    const rows = evaluationRows(task, rowsPerTask, seed);
    const right = await answered(base, rows);
    const score = right.filter(Boolean).length / rows.length;
    passed &&= score >= gateScore;
    const forms = Map.groupBy(rows.keys(), (i) => rows[i]!.skill);
    const parts = [...forms].map(([skill, indices]) => {
      const hits = indices.filter((i) => right[i]).length;
      return `${skill.split('/')[1]} ${(hits / indices.length).toFixed(2)}`;
    });
    console.log(`${score >= gateScore ? 'pass' : 'FAIL'}  ${task.padEnd(14)} ${score.toFixed(3)}  ${parts.join(', ')}`);
  }
  await language.close();
  return passed;
}

if (import.meta.main) {
  const folder = process.argv[2] ?? join(import.meta.dirname, '../../samples/models/tiny');
  process.exitCode = (await gate(folder)) ? 0 : 1;
}
