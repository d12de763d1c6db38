import { mkdir, open, readdir, readFile, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { AnswerStore, KeptAnswers } from '../evaluation/answerStore.ts';
import type { ArmCost, RowAnswer } from '../evaluation/result.ts';

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
  let cost: ArmCost | null = null;
  for (const written of text.split('\n')) {
    const line = parseLine(written);
    if (line === null) continue;
    if ('cost' in line) {
      cost = line.cost;
      continue;
    }
    seconds += line.seconds;
    for (const [index, answer] of line.answers) answers.set(index, answer as RowAnswer);
  }
  let torn = text !== '' && !text.endsWith('\n');
  const append = async (line: object): Promise<void> => {
    const handle = await open(file, 'a');
    try {
      await handle.appendFile(`${torn ? '\n' : ''}${JSON.stringify(line)}\n`);
      await handle.datasync();
    } finally {
      await handle.close();
    }
    torn = false;
  };
  return {
    answers,
    seconds,
    cost,
    keep: (more, took) => append({ seconds: took, answers: [...more] }),
    keepCost: (measured) => append({ cost: measured }),
  };
}

const answer = z.looseObject({
  text: z.string(),
  correct: z.boolean(),
  probability: z.number().nullable(),
  probabilities: z.array(z.number()).optional(),
  // JSON has no NaN, which is the loss of a target without tokens.
  target_loss: z
    .number()
    .nullable()
    .transform((loss) => loss ?? Number.NaN),
  target_tokens: z.int().min(0),
});

const cost = z.object({
  trainable_percent: z.number(),
  swap_ms: z.number(),
  first_token_ms: z.number(),
  token_ms: z.number().nullable(),
  memory_bytes: z.number(),
});

const line = z.union([
  z.object({ cost }),
  z.object({ seconds: z.number().min(0), answers: z.array(z.tuple([z.int().min(0), answer])) }),
]);

/** What a line keeps; null for one that is not whole or not ours. */
function parseLine(text: string): z.output<typeof line> | null {
  try {
    return line.safeParse(JSON.parse(text)).data ?? null;
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
