import { Random } from '../../foundation/random.ts';
import { vocabularyRows } from '../../inference/logitChange.ts';
import { positionsTaken } from '../../methods/method.ts';
import type { LabelledRow } from '../../models/labelledRow.ts';
import type { Model } from '../../models/model.ts';
import type { CheckSubject, Measured } from './check.ts';

/** Coordinates that are compared, of so many drawn for each, and rows that the loss is over. */
const [compared, drawn, rowCount] = [10, 16, 2] as const;

/** Step of a central difference, of the root mean square of the tensor, and the least such step. */
const [relativeStep, leastStep] = [2e-2, 1e-3] as const;

/**
 * Norm of (central differences - gradient) over the norm of the differences, at coordinates drawn at random: every other
 * one the steepest of some, since differences in float32 say little where the loss is flat. The rows are drawn tokens
 * with drawn labels: a trained adapter's own rows have next to no gradient.
 */
export async function gradientError(subject: CheckSubject, signal: AbortSignal): Promise<Measured> {
  const { language, adapter } = subject;
  const { method, tensors } = adapter;
  if (method.partialGradient) return { none: 'the method holds a part of its gradient constant on purpose' };
  const random = Random.of(0, 'gradient check');
  const rows = drawnRows(language.model, positionsTaken(method), random);
  const source = await subject.gradients(method);
  try {
    // Of the rows alone: the slopes are of what they score.
    const { gradients } = await source.run(rows, tensors, 1, 0);
    const lossWith = async (name: string, data: Float32Array) => {
      const { logprobs } = await source.run(rows, new Map([...tensors, [name, data]]));
      // Summed here, in float64: the graph's own sum would round away what a small step changes.
      return -logprobs.reduce((sum, row) => row.reduce((a, x) => a + x, sum), 0);
    };
    let [wrong, norm] = [0, 0];
    for (let i = 0; i < compared; i++) {
      signal.throwIfAborted();
      const name = pick(random, [...gradients.keys()]);
      const [gradient, data] = [gradients.get(name)!, tensors.get(name)!];
      const candidates = Array.from({ length: i % 2 === 0 ? drawn : 1 }, () => random.integer(data.length));
      const at = candidates.reduce((a, b) => (Math.abs(gradient[b]!) > Math.abs(gradient[a]!) ? b : a));
      const step = Math.max(relativeStep * rootMeanSquare(data), leastStep);
      const [up, down] = [data.slice(), data.slice()];
      up[at] = data[at]! + step;
      down[at] = data[at]! - step;
      const slope = ((await lossWith(name, up)) - (await lossWith(name, down))) / (up[at]! - down[at]!);
      wrong += (slope - gradient[at]!) ** 2;
      norm += slope ** 2;
    }
    return Math.sqrt(wrong / Math.max(norm, Number.MIN_VALUE));
  } finally {
    await source.close();
  }
}

function drawnRows(model: Model, virtual: number, random: Random): readonly LabelledRow[] {
  const { sizes } = model.architecture;
  return vocabularyRows(sizes, virtual)
    .slice(0, rowCount)
    .map((inputIds) => {
      const labels =
        model.classifier === null
          ? inputIds.map(() => random.integer(sizes.vocabulary))
          : [random.integer(model.classifier.classes)];
      return { inputIds, labels };
    });
}

function pick<T>(random: Random, from: readonly T[]): T {
  return from[random.integer(from.length)]!;
}

function rootMeanSquare(data: Float32Array): number {
  return Math.sqrt(data.reduce((sum, x) => sum + x * x, 0) / data.length);
}
