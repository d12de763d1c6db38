import { mkdir, open, readdir, readFile, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { AnswerStore, KeptAnswers } from '../evaluation/answerStore.ts';
import type { RowAnswer } from '../evaluation/result.ts';

/** Arms whose answers are kept; of more, those that were not asked for longest go. */
const keptArms = 500;

/**
 * Answers in the store's folder evaluations/, a file for each arm, named by its key: a line for each batch, appended and flushed.
 * Half a line that a killed process left behind does not count.
 */
export function answerCache(store: string): AnswerStore {
  const folder = join(store, 'evaluations');
  return {
    open: async (key) => {
      const file = join(folder, `${key}.jsonl`);
      await mkdir(folder, { recursive: true });
      await dropOldest(folder, `${key}.jsonl`);
      const text = await readFile(file, 'utf8').catch(none);
      const now = new Date();
      await utimes(file, now, now).catch(none);
      return keptIn(file, text ?? '');
    },
  };
}

function keptIn(file: string, text: string): KeptAnswers {
  const answers = new Map<number, RowAnswer>();
  let seconds = 0;
  for (const line of text.split('\n')) {
    const batch = parseBatch(line);
    if (batch === null) continue;
    seconds += batch.seconds;
    for (const [index, answer] of batch.answers) answers.set(index, answer);
  }
  let torn = text !== '' && !text.endsWith('\n');
  return {
    answers,
    seconds,
    keep: async (more, took) => {
      const line = JSON.stringify({ seconds: took, answers: [...more] });
      const handle = await open(file, 'a');
      try {
        await handle.appendFile(`${torn ? '\n' : ''}${line}\n`);
        await handle.datasync();
      } finally {
        await handle.close();
      }
      torn = false;
    },
  };
}

const answer = z.looseObject({
  text: z.string(),
  correct: z.boolean(),
  probability: z.number().nullable(),
  target_loss: z.number().nullable(),
  target_tokens: z.int().min(0),
  greedy: z.string().optional(),
});

const line = z.object({
  seconds: z.number().min(0),
  answers: z.array(z.tuple([z.int().min(0), answer])),
});

/** A line's batch; null for one that is not whole or not ours. */
function parseBatch(text: string): { seconds: number; answers: readonly (readonly [number, RowAnswer])[] } | null {
  try {
    const parsed = line.safeParse(JSON.parse(text));
    if (!parsed.success) return null;
    const { seconds, answers } = parsed.data;
    // JSON has no NaN, which is the loss of a target without tokens, and no infinity.
    return {
      seconds,
      answers: answers.map(([i, a]) => [i, { ...a, target_loss: a.target_loss ?? Number.NaN }] as never),
    };
  } catch {
    return null;
  }
}

async function dropOldest(folder: string, spared: string): Promise<void> {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.jsonl') && name !== spared);
  if (files.length < keptArms) return;
  const dated = await Promise.all(
    files.map(async (name) => ({
      name,
      used: await stat(join(folder, name)).then(
        ({ mtimeMs }) => mtimeMs,
        () => 0,
      ),
    })),
  );
  dated.sort((a, b) => b.used - a.used);
  for (const { name } of dated.slice(keptArms - 1)) await rm(join(folder, name), { force: true });
}

const none = (): null => null;
