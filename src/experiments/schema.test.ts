import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { peftTypes } from '../methods/method.ts';
import { experimentSchema, tuneJsonSchema } from './schema.ts';

const least = { model: 'm', data: { train: 't.jsonl' }, method: { peft_type: 'PROMPT_TUNING' } };

test('schemas/tune.schema.json is the zod source of today (node scripts/schema.ts)', () => {
  const file = join(import.meta.dirname, '../../schemas/tune.schema.json');
  assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), tuneJsonSchema());
});

test('every key has a description for the hover', () => {
  const bare: string[] = [];
  const visit = (node: Record<string, unknown>, path: string): void => {
    for (const [key, child] of Object.entries((node.properties ?? {}) as Record<string, Record<string, unknown>>)) {
      if (typeof child.description !== 'string') bare.push(`${path}.${key}`);
      visit(child, `${path}.${key}`);
    }
    for (const option of (node.oneOf ?? []) as Record<string, unknown>[]) visit(option, path);
  };
  visit(tuneJsonSchema() as Record<string, unknown>, '');
  assert.deepEqual(bare, []);
});

test("defaults are transformers' and those the method asks for", () => {
  const { training, method } = experimentSchema.parse(least);
  assert.equal(training.learning_rate, 0.3);
  assert.equal(training.adam_beta2, 0.999);
  assert.equal(training.save_steps, training.eval_steps);
  assert.partialDeepStrictEqual(method, { num_virtual_tokens: 20, prompt_tuning_init: 'SAMPLE_VOCAB' });
  const rateOf = (method: object) => experimentSchema.parse({ ...least, method }).training.learning_rate;
  assert.equal(rateOf({ peft_type: 'FULL' }), 5e-5);
  assert.equal(rateOf({ peft_type: 'PREFIX_TUNING' }), 0.01);
  assert.equal(rateOf({ peft_type: 'PREFIX_TUNING', prefix_projection: true }), 0.001);
  assert.equal(rateOf({ peft_type: 'P_TUNING' }), 0.001);
});

test('the adapter that training starts from says how many virtual tokens there are and how they began', () => {
  const method = { peft_type: 'PROMPT_TUNING', init_from: 'a' };
  assert.deepEqual(experimentSchema.parse({ ...least, method }).method, method);
});

test('a prefix begins with zeros, where nothing else makes it', () => {
  const methodOf = (keys: object) =>
    experimentSchema.safeParse({ ...least, method: { peft_type: 'PREFIX_TUNING', ...keys } });
  assert.partialDeepStrictEqual(methodOf({}).data?.method, { num_virtual_tokens: 20, init_weights: 'zero' });
  assert.partialDeepStrictEqual(methodOf({ init_weights: null }).data?.method, { init_weights: null });
  const projected = { prefix_projection: true };
  assert.partialDeepStrictEqual(methodOf(projected).data?.method, { ...projected, init_weights: null });
  const text = { prompt_tuning_init: 'TEXT', prompt_tuning_init_text: 'Is it?' };
  assert.partialDeepStrictEqual(methodOf(text).data?.method, { ...text, init_weights: null });
  const refusals = [
    [{ ...projected, init_weights: 'zero' }, 'init_weights'],
    [{ ...text, init_weights: 'zero' }, 'init_weights'],
    [{ ...projected, ...text }, 'prompt_tuning_init'],
    [{ prompt_tuning_init: 'TEXT' }, 'prompt_tuning_init_text'],
  ] as const;
  for (const [keys, key] of refusals) assert.deepEqual(methodOf(keys).error?.issues[0]?.path, ['method', key]);
  const continued = { peft_type: 'PREFIX_TUNING', init_from: 'a' };
  assert.deepEqual(methodOf(continued).data?.method, continued);
});

test("a misspelt key of a method is refused, PEFT's own keys are kept", () => {
  const own = { task_type: 'CAUSAL_LM', token_dim: 8, tokenizer_name_or_path: null };
  const parse = (keys: object) => experimentSchema.safeParse({ ...least, method: { ...least.method, ...keys } });
  assert.partialDeepStrictEqual(parse(own).data?.method, own);
  for (const peft_type of peftTypes.filter((type) => type !== 'UNION')) {
    const [issue] = parse({ peft_type, num_virtual_tokns: 4 }).error?.issues ?? [];
    assert.partialDeepStrictEqual(issue, { code: 'unrecognized_keys', keys: ['num_virtual_tokns'] });
  }
});

test('labels may be written as numbers or truth values', () => {
  assert.deepEqual(experimentSchema.parse({ ...least, labels: [1, true, 'no'] }).labels, ['1', 'true', 'no']);
});

test('metrics follow from whether the answers are a closed set', () => {
  assert.deepEqual(experimentSchema.parse({ ...least, labels: ['a', 'b'] }).evaluation.metrics, ['accuracy', 'f1']);
  assert.deepEqual(experimentSchema.parse(least).evaluation.metrics, ['exact_match', 'perplexity']);
});

test('keys of a method without keys here are kept', () => {
  const method = { peft_type: 'OFT', r: 8, target_modules: ['q_proj'], layers_pattern: null };
  assert.deepEqual(experimentSchema.parse({ ...least, method }).method, method);
});

test('an effective experiment parses to itself, so that a run can be resumed from its record', () => {
  const once = experimentSchema.parse(least);
  assert.deepEqual(experimentSchema.parse(JSON.parse(JSON.stringify(once))), once);
});

test('optimisers that tell A and B apart are for LORA; the epsilon is that of the optimiser', () => {
  const parsed = (peft_type: string, training: object) =>
    experimentSchema.safeParse({ ...least, method: { peft_type }, training });
  assert.equal(parsed('LORA', { optim: 'lora_fa' }).data?.training.adam_epsilon, 1e-6);
  assert.equal(parsed('LORA', { loraplus_lr_ratio: 16 }).data?.training.adam_epsilon, 1e-8);
  const refusals = [
    ['IA3', { optim: 'lora_fa' }, 'optim'],
    ['IA3', { loraplus_lr_ratio: 16 }, 'loraplus_lr_ratio'],
    ['LORA', { optim: 'lora_fa', loraplus_lr_ratio: 16 }, 'loraplus_lr_ratio'],
    ['LORA', { loraplus_lr_embedding: 1e-5 }, 'loraplus_lr_embedding'],
    ['LORA', { loraplus_lr_ratio: 0 }, 'loraplus_lr_ratio'],
  ] as const;
  for (const [type, keys, key] of refusals) {
    assert.deepEqual(parsed(type, keys).error?.issues[0]?.path, ['training', key]);
  }
});

test('PiSSA begins new adapters only', () => {
  const parsed = (keys: object) =>
    experimentSchema.safeParse({ ...least, method: { peft_type: 'LORA', ...keys } }).error?.issues[0]?.path;
  assert.equal(parsed({ init_lora_weights: 'pissa_niter_16' }), undefined);
  for (const keys of [
    { init_lora_weights: 'pissa_niter_' },
    { init_lora_weights: 'olora' },
    { init_lora_weights: 'pissa', init_from: 'a' },
  ]) {
    assert.deepEqual(parsed(keys), ['method', 'init_lora_weights']);
  }
});
