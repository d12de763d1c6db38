import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { LanguageModel } from '../../src/inference/languageModel.ts';
import { meanLoss, scoreRows } from '../../src/inference/score.ts';
import type { DecoderSizes } from '../../src/models/decoder.ts';
import type { LabelledRow } from '../../src/models/labelledRow.ts';
import type { Task } from '../../src/models/task.ts';
import { scoresOf } from '../engine/scores.ts';
import { goldenCases, joined, largestError, type PaddedBatch, readCase, readTensors, unpadded } from './reference.ts';

interface ForwardCase {
  readonly model: string;
  readonly mean_loss: Readonly<Record<string, number>>;
  readonly variants: Readonly<Record<string, PaddedBatch>>;
}

/** Logits reach 20 here; the reference's own float32 run is within 1e-5 of its double precision. */
const logitTolerance = 1e-4;
const lossTolerance = 2e-4;

const { signal } = new AbortController();

/**
 * The variants in which positions follow the mask, so that every row equals the row without padding. In `left` they count
 * the padding too, which is how a row must not be run; but for OPT, which counts from the mask, and T5, which counts
 * distances: they have no `left_pos`. A classifier reads an encoder's first position, a pad where that is on the left.
 */
function variantsOf({ variants }: ForwardCase, task: Task): readonly string[] {
  return Object.keys(variants).filter(
    (variant) => variant !== 'left' || (task !== 'seq_cls' && !('left_pos' in variants)),
  );
}

/** Rows that the library turned as it turned the longest row of the batch, and not as it turns them alone. */
function turnedByOthers({ frequenciesOf }: DecoderSizes, rows: readonly LabelledRow[]): readonly number[] {
  if (frequenciesOf === undefined) return [];
  const longest = frequenciesOf(Math.max(...rows.map((row) => row.inputIds.length)));
  return [...rows.keys()].filter((r) => frequenciesOf(rows[r]!.inputIds.length) !== longest);
}

for (const { title, root, path } of goldenCases('forward')) {
  const expected: ForwardCase = readCase(join(path, 'case.json'));
  describe(title, async () => {
    const language = await LanguageModel.open(join(root, expected.model), 'cpu');
    after(() => language.close());
    const tensors = await readTensors(join(path, 'expected.safetensors'));

    for (const variant of variantsOf(expected, language.model.task)) {
      const rows = unpadded(expected.variants[variant]!, language.model.task);
      /** The slice of an expected tensor `[batch, time, width]` that belongs to a row. */
      const slice = (name: string, r: number) => {
        const { shape, data } = tensors.get(`${variant}.${name}`)!;
        const [, time = 1, width = 1] = shape;
        const from = (r * time + rows[r]!.offset) * width;
        return data.subarray(from, from + rows[r]!.inputIds.length * width);
      };

      if (language.model.task === 'seq_cls') {
        test(`${variant}: loss and logits of every row`, async () => {
          const attached = await language.attach(null);
          for await (const scored of scoreRows(attached, rows, signal)) {
            for (const { index, score, logits } of scored) {
              const { shape, data } = tensors.get(`${variant}.logits`)!;
              const expectedLogits = data.subarray(index * shape[1]!, (index + 1) * shape[1]!);
              assert.ok(largestError(logits!, expectedLogits) <= logitTolerance, `row ${index}`);
              const loss = tensors.get(`${variant}.loss_per_item`)!.data[index]!;
              assert.ok(largestError(score, [-loss]) <= lossTolerance, `row ${index}`);
            }
          }
          const scores = await scoresOf(attached, rows);
          assert.ok(Math.abs(meanLoss(joined(scores)) - expected.mean_loss[variant]!) <= lossTolerance);
        });
        continue;
      }

      if (language.model.task === 'seq_2_seq_lm') {
        test(`${variant}: losses of tokens, their mean, and logits of every written token`, async () => {
          const attached = await language.attach(null);
          const scores = await scoresOf(attached, rows);
          assert.ok(Math.abs(meanLoss(joined(scores)) - expected.mean_loss[variant]!) <= lossTolerance);
          const { shape, data } = tensors.get(`${variant}.logits`)!;
          const [, time = 1, width = 1] = shape;
          const losses = tensors.get(`${variant}.token_loss`)!.data;
          const { decoding, next } = await attached.read(rows.map((row) => row.inputIds));
          const after = await decoding.advance(
            rows.map((row) => Array.from(row.labels).slice(0, -1)),
            true,
          );
          for (const [r, { labels }] of rows.entries()) {
            const own = losses.subarray(r * time, r * time + labels.length);
            assert.ok(
              largestError(
                scores[r]!,
                own.map((x) => -x),
              ) <= lossTolerance,
              `row ${r}`,
            );
            const logits = joined([next[r]!, ...after[r]!]);
            const from = r * time * width;
            assert.ok(
              largestError(logits, data.subarray(from, from + labels.length * width)) <= logitTolerance,
              `row ${r}`,
            );
          }
        });
        continue;
      }

      test(`${variant}: losses of tokens, their mean, and logits at every position`, async () => {
        const attached = await language.attach(null);
        const scores = await scoresOf(attached, rows);
        const others = turnedByOthers(language.model.architecture.sizes, rows);
        for (const [r, { labels }] of rows.entries()) {
          if (others.includes(r)) continue;
          const tokenLoss = slice('token_loss', r).filter((_, t) => t > 0 && labels[t] !== -100);
          assert.ok(
            largestError(
              scores[r]!,
              tokenLoss.map((x) => -x),
            ) <= lossTolerance,
            `row ${r}`,
          );
        }
        if (others.length === 0) {
          assert.ok(Math.abs(meanLoss(joined(scores)) - expected.mean_loss[variant]!) <= lossTolerance);
        }

        const decoding = await attached.decode(rows.length);
        const logits = await decoding.advance(
          rows.map((row) => row.inputIds),
          true,
        );
        for (const r of rows.keys()) {
          const error = largestError(joined(logits[r]!), slice('logits', r));
          if (!others.includes(r)) assert.ok(error <= logitTolerance, `row ${r}`);
          else {
            assert.ok(error > 0.01, `row ${r} is said to be another in the library's batch`);
            const [alone] = await (await attached.decode(1)).advance([rows[r]!.inputIds], true);
            assert.ok(largestError(joined(logits[r]!), joined(alone!)) <= logitTolerance, `row ${r} alone`);
          }
        }
      });
    }
  });
}
