import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { drawnAdapter } from '../../test/engine/drawn.ts';
import { LanguageModel } from '../inference/languageModel.ts';
import { measureCost } from './cost.ts';

const language = await LanguageModel.open(join(import.meta.dirname, '../../samples/models/tiny'), 'cpu');
after(() => language.close());
const prompt = language.tokenizer.encode('Input: fix the parser\nOutput:', { addSpecialTokens: true });
const never = new AbortController().signal;

/** A clock on which every look takes a millisecond more than the one before: what is timed later takes longer. */
function meter() {
  let [time, looks] = [0, 0];
  return {
    now: () => {
      time += looks++;
      return time;
    },
    residentBytes: () => 1000 + looks,
  };
}

test('swap, first token and later tokens are timed apart, and the most memory is kept', async () => {
  const adapter = await drawnAdapter(language.model, 1, { peft_type: 'PROMPT_TUNING', num_virtual_tokens: 4 });
  const cost = await measureCost(language, adapter, prompt, meter(), never);
  // Looks 0 to 5 are the warm-up's; each of the five repetitions then looks four times.
  const swaps = [0, 1, 2, 3, 4].map((i) => 6 + 4 * i + 1);
  assert.equal(cost.swap_ms, swaps[2]);
  assert.equal(cost.first_token_ms, swaps[2]! + 2);
  assert.ok(cost.token_ms! > cost.first_token_ms);
  assert.equal(cost.memory_bytes, 1000 + 6 + 5 * 4 + 2 * 12);
});

test('what a real clock says is more than nothing, and less than a second on the sample model', async () => {
  const real = { now: () => performance.now(), residentBytes: () => process.memoryUsage.rss() };
  for (const adapter of [null, await drawnAdapter(language.model, 1, { peft_type: 'LORA', r: 2 })]) {
    const cost = await measureCost(language, adapter, prompt, real, never);
    for (const time of [cost.first_token_ms, cost.token_ms!]) assert.ok(time > 0 && time < 1000, JSON.stringify(cost));
    assert.ok(cost.memory_bytes > 2 ** 20);
  }
});

test('a prompt that leaves room for one more token is timed by that one, and cancelling ends it', async () => {
  const { maxPositions } = language.model.architecture.sizes;
  const full = new Array<number>(maxPositions - 1).fill(prompt[0]!);
  const cost = await measureCost(language, null, full, meter(), never);
  assert.ok(cost.token_ms! > 0);
  await assert.rejects(measureCost(language, null, prompt, meter(), AbortSignal.abort()), { name: 'AbortError' });
});
