import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { tinyModels } from '../../test/golden/reference.ts';
import { ModelConfig } from '../checkpoint/config.ts';
import type { JsonObject } from '../checkpoint/json.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import { linearSites } from '../models/linearSites.ts';
import { type Model, openModel } from '../models/model.ts';
import { targetsOf } from './targets.ts';

let llama: Model;
let gpt2: Model;
before(async () => {
  [llama, gpt2] = [await openModel(tinyModels.llama), await openModel(tinyModels.gpt2)];
});

/** The paths that a configuration names, without what all have in common. */
function named(config: JsonObject, model = llama): readonly string[] {
  const { sites } = targetsOf(new ModelConfig('method', config), model, { llama: ['q_proj', 'v_proj'] });
  return sites.map(({ path }) => path.replace(/^(model\.layers|transformer\.h)\./, ''));
}

function refused(config: JsonObject, reason: 'config-key' | 'targets-unmatched' | 'not-supported', pattern: RegExp) {
  assert.throws(
    () => named(config),
    (error) => {
      assert.ok(SoftpromptError.is(error, reason), String(error));
      assert.match(error.message, pattern);
      return true;
    },
  );
}

test('the linear layers are those of the checkpoint, in the order in which they run; the head stands apart', () => {
  const { inLayers, inHead } = linearSites(llama);
  const matrices = llama.architecture.weights.filter(({ name, shape }) => /layers/.test(name) && shape.length === 2);
  assert.deepEqual(
    inLayers.map(({ path, outFeatures, inFeatures }) => [`${path}.weight`, outFeatures, inFeatures]),
    matrices.map(({ name, shape }) => [name, ...shape]),
  );
  assert.deepEqual(
    inHead.map(({ path }) => path),
    ['lm_head'],
  );
  const [first] = linearSites(gpt2).inLayers;
  const path = 'transformer.h.0.attn.c_attn';
  assert.deepEqual(first, { path, inFeatures: 40, outFeatures: 120, layout: 'in_out', hasBias: true });
  assert.deepEqual(linearSites(gpt2).inHead, []);
});

test("a list names modules and ends of modules; none is PEFT's default", () => {
  const projections = (name: string) => [0, 1, 2].map((layer) => `${layer}.self_attn.${name}_proj`);
  assert.deepEqual(named({ target_modules: ['q_proj'] }), projections('q'));
  assert.deepEqual(named({ target_modules: ['model.layers.1.mlp.down_proj'] }), ['1.mlp.down_proj']);
  assert.deepEqual(named({ target_modules: ['1.mlp.down_proj', 'lm_head'] }), ['1.mlp.down_proj', 'lm_head']);
  assert.deepEqual([...named({})].sort(), [...projections('q'), ...projections('v')].sort());
  assert.deepEqual(named({ target_modules: null }), named({}));
  // An end begins after a dot.
  refused({ target_modules: ['proj'] }, 'targets-unmatched', /no layer of the model is called proj/);
});

test('a string is a regular expression over the whole name', () => {
  const pattern = String.raw`.*layers\.[01]\.self_attn\.(q|k)_proj`;
  const expected = ['0.self_attn.q_proj', '0.self_attn.k_proj', '1.self_attn.q_proj', '1.self_attn.k_proj'];
  assert.deepEqual(named({ target_modules: pattern }), expected);
  refused({ target_modules: 'q_proj|v_proj' }, 'targets-unmatched', /called q_proj\|v_proj/);
  refused({ target_modules: '(' }, 'config-key', /target_modules is no regular expression/);
});

test('all-linear is every linear layer but the head', () => {
  assert.equal(named({ target_modules: 'all-linear' }).length, 3 * 7);
  assert.equal(named({ target_modules: 'all-linear' }, gpt2).length, 2 * 4);
  assert.equal(named({ target_modules: 'all-linear', exclude_modules: ['mlp.c_proj'] }, gpt2).length, 2 * 3);
});

test('modules and layers may be left out', () => {
  const target_modules = ['q_proj', 'v_proj'];
  const without = named({ target_modules, exclude_modules: ['0.self_attn.q_proj'] });
  assert.ok(without.length === 5 && !without.includes('0.self_attn.q_proj'));
  assert.equal(named({ target_modules, exclude_modules: String.raw`.*\.v_proj` }).length, 3);
  assert.deepEqual(named({ target_modules: ['q_proj'], layers_to_transform: 2 }), ['2.self_attn.q_proj']);
  const some = { target_modules: ['q_proj'], layers_to_transform: [0, 2] };
  assert.deepEqual(named(some), ['0.self_attn.q_proj', '2.self_attn.q_proj']);
  assert.deepEqual(named({ ...some, layers_pattern: 'layers' }), named(some));
  refused({ ...some, layers_pattern: ['h'] }, 'targets-unmatched', /called q_proj/);
  refused({ target_modules: '.*q_proj', layers_to_transform: 1 }, 'config-key', /needs target_modules to be a list/);
  refused({ target_modules: 'all-linear', layers_to_transform: 1 }, 'config-key', /needs target_modules to be a list/);
  refused({ target_modules: 'all-linear', exclude_modules: '.*' }, 'targets-unmatched', /called all-linear/);
  assert.deepEqual(
    named({ target_modules: ['q_proj', 'lm_head'], modules_to_save: ['lm_head'] }),
    named({ target_modules: ['q_proj'] }),
  );
  assert.deepEqual(
    named({ target_modules: 'all-linear', modules_to_save: ['mlp', 'layers.0'] }).filter((path) => /mlp|^0/.test(path)),
    [],
    'nor is what lies inside of such modules',
  );
});

test('a classifier is trained whole, so that no name reaches into it', async () => {
  const roberta = await openModel(tinyModels.roberta);
  const dense = named({ target_modules: ['dense'] }, roberta);
  assert.ok(dense.length > 0 && dense.every((path) => !path.startsWith('classifier')));
});

test('embedding tables are targets of methods that act on them, where they are named', () => {
  const tables = (config: JsonObject, model = llama) =>
    targetsOf(new ModelConfig('method', config), model, {}, true)
      .embeddings.map(({ path }) => path)
      .sort();
  assert.deepEqual(tables({ target_modules: ['embed_tokens', 'q_proj'] }), ['model.embed_tokens']);
  assert.deepEqual(tables({ target_modules: 'transformer\\.w[tp]e' }, gpt2), ['transformer.wpe', 'transformer.wte']);
  assert.deepEqual(tables({ target_modules: 'all-linear' }), []);
  assert.throws(() => tables({ target_modules: ['lm_head'] }, gpt2), /target_modules names lm_head/);
});

test('what matches nothing is answered with near names; what is no linear layer is refused', () => {
  refused(
    { target_modules: ['q_prj', 'vproj'] },
    'targets-unmatched',
    /q_prj or vproj\. Did you mean q_proj, v_proj\?/,
  );
  refused({ target_modules: ['query'] }, 'targets-unmatched', /Layers it can act on: q_proj, k_proj, .*lm_head/);
  refused({ target_modules: ['embed_tokens', 'q_proj'] }, 'not-supported', /target_modules names model\.embed_tokens/);
  assert.throws(() => named({}, gpt2), /target_modules is missing, and PEFT has no default for gpt2/);
  // Shares the embedding table, so it is no layer of its own.
  assert.throws(() => named({ target_modules: ['lm_head'] }, gpt2), /target_modules names lm_head/);
});
