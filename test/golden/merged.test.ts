import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { LanguageModel } from '../../src/inference/languageModel.ts';
import { readAdapter } from '../../src/methods/adapter.ts';
import { drawnRows } from '../engine/drawn.ts';
import { scoresOf } from '../engine/scores.ts';
import { largestError, readCase } from './reference.ts';

interface MergeCase {
  readonly model: string;
  readonly adapter: string;
  readonly merged: string;
}

/** Float32 sums in another order; PEFT itself stays within 1e-6 of what it gave before it merged. */
const tolerance = 1e-5;

const root = join(import.meta.dirname, 'peft021');

for (const name of readdirSync(join(root, 'merge'))) {
  const path = join(root, 'merge', name);
  const { model, adapter, merged }: MergeCase = readCase(join(path, 'case.json'));

  test(`${name}: the adapter in place gives what the checkpoint gives into which PEFT merged it`, async () => {
    const base = await LanguageModel.open(join(root, model), 'cpu');
    const whole = await LanguageModel.open(join(path, merged), 'cpu');
    after(async () => {
      await base.close();
      await whole.close();
    });
    const rows = drawnRows(base.model, 6);
    const beside = await scoresOf(await base.attach(await readAdapter(join(root, adapter), base.model)), rows);
    const inside = await scoresOf(await whole.attach(null), rows);
    const without = await scoresOf(await base.attach(null), rows);
    for (const [r, scores] of inside.entries()) {
      assert.ok(largestError(beside[r]!, scores) <= tolerance, `row ${r}`);
      assert.ok(scores.length === 0 || largestError(without[r]!, scores) > 0.01, `row ${r} is not the base model's`);
    }
  });
}
