import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { mergeModel } from '../../src/experiments/mergeModel.ts';
import { LanguageModel } from '../../src/inference/languageModel.ts';
import { readAdapter } from '../../src/methods/adapter.ts';
import { drawnRows } from '../engine/drawn.ts';
import { scoresOf } from '../engine/scores.ts';
import { goldenCases, largestError, readCase } from './reference.ts';

interface MergeCase {
  readonly kind: string;
  readonly model: string;
  readonly adapter: string;
  readonly merged: string;
  /** Absent in the older set. */
  readonly changed_tensors?: readonly string[];
}

/** Float32 sums in another order; PEFT itself stays within 1e-6 of what it gave before it merged. */
const tolerance = 1e-5;
/** The same for logits of a few units, which are not brought to a sum as probabilities are. */
const logitTolerance = 5e-5;

const folder = mkdtempSync(join(tmpdir(), 'softprompt-'));
after(() => rmSync(folder, { recursive: true }));

for (const { title, root, path } of goldenCases('merge')) {
  const { kind, model, adapter, merged, changed_tensors: changed }: MergeCase = readCase(join(path, 'case.json'));
  if (kind !== 'merge_and_unload') continue;

  test(`${title}: the adapter in place gives what the checkpoint gives into which PEFT merged it`, async () => {
    const base = await LanguageModel.open(join(root, model), 'cpu');
    const whole = await LanguageModel.open(join(path, merged), 'cpu');
    after(async () => {
      await base.close();
      await whole.close();
    });
    const drawn = drawnRows(base.model, 6);
    const rows = base.model.task === 'seq_cls' ? drawn.map((row, r) => ({ ...row, labels: [r % 2] })) : drawn;
    const beside = await scoresOf(await base.attach(await readAdapter(join(root, adapter), base.model)), rows);
    const inside = await scoresOf(await whole.attach(null), rows);
    const without = await scoresOf(await base.attach(null), rows);
    for (const [r, scores] of inside.entries()) {
      assert.ok(largestError(beside[r]!, scores) <= tolerance, `row ${r}`);
      assert.ok(scores.length === 0 || largestError(without[r]!, scores) > 0.01, `row ${r} is not the base model's`);
    }
  });

  test(`${title}: merging writes the bytes that PEFT wrote, and finds that they give the same`, async () => {
    const output = join(folder, title.replaceAll('/', '-'));
    const request = { model: join(root, model), adapter: join(root, adapter), output };
    const result = await mergeModel(request, new AbortController().signal, () => undefined);
    const weights = (dir: string): Buffer => readFileSync(join(dir, 'model.safetensors'));
    assert.ok(weights(output).equals(weights(join(path, merged))));
    if (changed !== undefined) assert.deepEqual([...result.changed].sort(), changed);
    assert.equal(result.rounding, null);
    assert.ok(result.logits.largest_change <= logitTolerance, String(result.logits.largest_change));
  });
}
