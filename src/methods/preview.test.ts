import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { SoftpromptError } from '../foundation/errors.ts';
import { openModel } from '../models/model.ts';
import { previewMethod } from './preview.ts';
import { configureMethod } from './table.ts';

const model = await openModel(join(import.meta.dirname, '../../samples/models/tiny'));
const { layers } = model.architecture.sizes;
const preview = (config: Parameters<typeof configureMethod>[0]) => previewMethod(configureMethod(config, model), model);

test('LORA: every matched module with its shape, and the parameters these make', () => {
  const { modules, unmatched, trainableParameters, totalParameters } = preview({
    ...{ peft_type: 'LORA', r: 4 },
    target_modules: ['q_proj', 'v_proj'],
  });
  assert.equal(modules.length, 2 * layers);
  assert.ok(modules.every(({ path }) => /\.(q|v)_proj$/.test(path)));
  const expected = modules.reduce(
    (sum, { shape: [inFeatures, outFeatures] }) => sum + 4 * (inFeatures! + outFeatures!),
    0,
  );
  assert.equal(trainableParameters, expected);
  assert.equal(totalParameters, model.parameters + expected);
  assert.deepEqual(unmatched, []);
});

test('a name that matches nothing beside one that does is told; when none matches, near names are', () => {
  const { unmatched } = preview({ peft_type: 'LORA', target_modules: ['q_proj', 'v_prj'] });
  assert.deepEqual(unmatched, ['v_prj']);
  assert.throws(
    () => preview({ peft_type: 'LORA', target_modules: ['v_prj'] }),
    (error) => SoftpromptError.is(error, 'targets-unmatched') && /Did you mean v_proj/.test(error.message),
  );
});

test('methods without targets have no modules; IA3 has those it scales; full training trains the whole model', () => {
  const prompt = preview({ peft_type: 'PROMPT_TUNING', num_virtual_tokens: 3 });
  assert.deepEqual(prompt.modules, []);
  assert.equal(prompt.trainableParameters, 3 * model.architecture.tokenEmbedding.width);
  assert.ok(preview({ peft_type: 'IA3' }).modules.length >= layers);
  const norms = preview({ peft_type: 'LN_TUNING', target_modules: ['norm', 'input_layernorm', 'ln_1'] });
  assert.equal(norms.modules.length, layers + 1);
  assert.equal(norms.trainableParameters, (layers + 1) * norms.modules[0]!.shape[0]!);
  assert.deepEqual(norms.unmatched, ['ln_1']);
  const full = preview({ peft_type: 'FULL' });
  assert.equal(full.totalParameters, model.parameters);
});
