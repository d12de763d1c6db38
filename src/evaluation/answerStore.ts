import { createHash } from 'node:crypto';
import type { Adapter } from '../methods/adapter.ts';
import type { Asking } from './asking.ts';
import type { ArmCost, RowAnswer } from './result.ts';

/** Keeps the answers of arms from one evaluation to the next. */
export interface AnswerStore {
  /** What is kept under a key; nothing for one that was not seen before. */
  open(key: string): Promise<KeptAnswers>;
}

/** The answers of one arm that are kept. */
export interface KeptAnswers {
  /** By the question's place among the questions. */
  readonly answers: ReadonlyMap<number, RowAnswer>;
  /** Seconds that the model took for them. */
  readonly seconds: number;
  /** Keeps more of them; when it returns they outlast a kill of the process. */
  keep(answers: ReadonlyMap<number, RowAnswer>, seconds: number): Promise<void>;
  /** What the arm was measured to cost; null before. */
  readonly cost: ArmCost | null;
  keepCost(cost: ArmCost): Promise<void>;
}

/** A store that keeps nothing. */
export const keepNothing: AnswerStore = {
  open: async () => ({
    ...{ answers: new Map(), seconds: 0, keep: async () => undefined },
    ...{ cost: null, keepCost: async () => undefined },
  }),
};

/** Of what is kept; another one makes everything that was kept before unknown. */
const form = 2;

/**
 * SHA-256, in hexadecimal, of all that an arm's answers depend on: the model, the adapter, and the tokens of every question with
 * what counts as an answer. Data, template, prompt, shots and their seed act through the tokens alone.
 * @param model what the model is, e.g. its fingerprint with the version of the engine
 */
export function answersKey(
  model: string,
  adapter: Adapter | null,
  { language, questions, choices, maxNewTokens, sampling }: Asking,
  prompts: readonly (readonly number[])[],
): string {
  const hash = createHash('sha256');
  const add = (value: unknown): void => void hash.update(`${JSON.stringify(value)}\n`);
  add([form, model, language.device, language.model.task, choices, maxNewTokens]);
  if (sampling !== null) add(sampling);
  if (adapter !== null) {
    add([adapter.method.structure, adapter.method.config]);
    for (const [name, data] of [...adapter.tensors].sort(([a], [b]) => (a < b ? -1 : 1))) {
      add(name);
      hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    }
  }
  for (const [i, { expected, targetIds }] of questions.entries()) add([prompts[i], targetIds, expected]);
  return hash.digest('hex');
}
