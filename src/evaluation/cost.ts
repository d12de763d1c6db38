import type { LanguageModel } from '../inference/languageModel.ts';
import { Reading } from '../inference/reading.ts';
import type { Adapter } from '../methods/adapter.ts';
import { positionsTaken } from '../methods/method.ts';
import { classProbabilities } from './classify.ts';
import type { ArmCost } from './result.ts';

/** What costs are measured with. */
export interface CostMeter {
  /** Milliseconds of a clock. */
  readonly now: () => number;
  /** Bytes of the process that are in memory. */
  readonly residentBytes: () => number;
}

/** Repetitions of what is timed, of which the median counts, and tokens that are written one by one. */
const [repetitions, writtenTokens] = [5, 12] as const;

/**
 * Times a swap to an adapter (or to the base model), the reading of one prompt up to the logits of the first new token, and each
 * new token after it; all once before, so that sessions are ready.
 */
export async function measureCost(
  language: LanguageModel,
  adapter: Adapter | null,
  prompt: readonly number[],
  { now, residentBytes }: CostMeter,
  signal: AbortSignal,
): Promise<Omit<ArmCost, 'trainable_percent'>> {
  const writes = language.model.task !== 'seq_cls';
  const timed = async <T>(work: () => Promise<T>): Promise<readonly [number, T]> => {
    const began = now();
    const result = await work();
    return [now() - began, result];
  };
  const [swaps, firsts, tokens]: [number[], number[], number[]] = [[], [], []];
  let memory = residentBytes();
  for (let i = 0; i <= repetitions; i++) {
    signal.throwIfAborted();
    const [swap, attached] = await timed(() => language.attach(adapter));
    const [first, reading] = await timed<Reading | null>(async () => {
      if (writes) return Reading.of(attached, [prompt]);
      await classProbabilities(attached, [prompt], signal);
      return null;
    });
    memory = Math.max(memory, residentBytes());
    if (reading !== null) {
      const { maxPositions } = language.model.architecture.sizes;
      const room = maxPositions - prompt.length - positionsTaken(attached.method);
      const decoding = reading.fork();
      // The first repetition, and the last one, are enough: each token is a measurement of its own.
      const count = i === 0 ? 1 : i === repetitions ? writtenTokens : 0;
      for (let token = 0; token < Math.min(count, room); token++) {
        signal.throwIfAborted();
        const [took] = await timed(() => decoding.advance([[prompt[0]!]]));
        if (i > 0) tokens.push(took);
      }
    }
    if (i === 0) continue;
    swaps.push(swap);
    firsts.push(first);
  }
  return {
    swap_ms: median(swaps)!,
    first_token_ms: median(firsts)!,
    token_ms: median(tokens),
    memory_bytes: Math.max(memory, residentBytes()),
  };
}

function median(times: readonly number[]): number | null {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? null;
}
