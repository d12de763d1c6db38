import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { seedRemark } from './seedRemark.ts';

const dir = await mkdtemp(join(tmpdir(), 'seeds-'));
after(() => rm(dir, { recursive: true }));

/** An adapter folder whose card holds this experiment; null for one without a card. */
async function adapter(label: string, experiment: object | null) {
  const folder = join(dir, label);
  await mkdir(folder);
  if (experiment !== null) await writeFile(join(folder, 'card.json'), JSON.stringify({ experiment }));
  return { label, dir: folder };
}

const trained = (seed: number, rate: number, evaluation = {}) => ({
  ...{ model: 'm', training: { learning_rate: rate, seed }, evaluation },
});

test('an adapter rests on one seed unless another one differs from it in the seed alone', async () => {
  const one = await adapter('one', trained(1, 0.1));
  const two = await adapter('two', trained(2, 0.1, { metrics: ['f1'] }));
  const other = await adapter('other', trained(1, 0.3));
  const foreign = await adapter('foreign', null);
  assert.match((await seedRemark([one]))!, /^one rests on one seed: /);
  assert.equal(await seedRemark([one, two]), null);
  assert.match((await seedRemark([one, two, other]))!, /^other rests on one seed: /);
  assert.match((await seedRemark([one, other]))!, /^one, other rest on one seed each: /);
  // Of an adapter from elsewhere nothing is known.
  assert.equal(await seedRemark([foreign]), null);
});
