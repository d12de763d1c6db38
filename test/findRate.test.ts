import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { suggestedRate } from '../src/training/rateRange.ts';
import { softprompt } from './softprompt.ts';

const samples = join(import.meta.dirname, '../samples');
const file = join(samples, 'request-command.tune.yaml');

test('the rate that is found trains better than ones a hundred times as low and as high', async () => {
  const args = ['find-lr', file, '--device', 'cpu', '--json'];
  const found = (await softprompt(args)).json();
  const tried = found.filter(({ event }) => event === 'rate');
  assert.equal(tried.length, 9);
  assert.equal(new Set(tried.map(({ first_loss }) => first_loss)).size, 1, 'all begin alike');
  assert.deepEqual((await softprompt(args)).json(), found);
  const rate = found.at(-1)!.suggested as number;
  const lossAt = async (at: number): Promise<number> => {
    // The lower end of the range is the rate over 300.
    const set = ['--set', `training.learning_rate=${at * 300}`, '--rates', '1', '--steps', '20'];
    return (await softprompt([...args, ...set])).json()[0]!.loss as number;
  };
  const [low, best, high] = [await lossAt(rate / 100), await lossAt(rate), await lossAt(rate * 100)];
  assert.ok(best < low && best < high, `${low}, ${best}, ${high}`);
});

test('no rate is named where the loss falls at none', () => {
  const at = (learning_rate: number, loss: number | null) => ({ learning_rate, loss, first_loss: 2 });
  assert.equal(suggestedRate([at(0.1, 1.99), at(1, null)]), null);
  assert.equal(suggestedRate([at(0.1, 1.5), at(1, 0.4), at(10, null)]), 1);
  assert.equal(suggestedRate([]), null);
});
