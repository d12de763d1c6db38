import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ModelConfig } from '../checkpoint/config.ts';
import type { JsonObject } from '../checkpoint/json.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import type { DecoderFamily } from './decoder.ts';
import { gemma2 } from './gemma2.ts';
import { gemma3 } from './gemma3.ts';
import { mistral } from './mistral.ts';
import { phi3 } from './phi3.ts';
import { qwen2 } from './qwen2.ts';
import { qwen3 } from './qwen3.ts';
import { smollm3 } from './smollm3.ts';

/** A small model, all of whose other keys are left out. */
const small = { hidden_size: 32, num_hidden_layers: 5, num_attention_heads: 4, num_key_value_heads: 2 };
const all = Number.POSITIVE_INFINITY;

function windowsOf(family: DecoderFamily, keys: JsonObject): readonly number[] {
  return family(new ModelConfig('config.json', { ...small, ...keys })).sizes.windows!;
}

test('every layer of Mistral and Phi-3 slides, if any', () => {
  assert.deepEqual(windowsOf(mistral, {}), [4096, 4096, 4096, 4096, 4096], "transformers' default");
  assert.deepEqual(windowsOf(mistral, { sliding_window: null }), [all, all, all, all, all]);
  assert.deepEqual(windowsOf(mistral, { sliding_window: 7 }), [7, 7, 7, 7, 7]);
  assert.deepEqual(windowsOf(phi3, {}), [all, all, all, all, all]);
  assert.deepEqual(windowsOf(phi3, { sliding_window: 7 }), [7, 7, 7, 7, 7]);
});

test('the upper layers of Qwen slide, if it is asked for', () => {
  for (const family of [qwen2, qwen3]) {
    const slides = { use_sliding_window: true, sliding_window: 7 };
    assert.deepEqual(windowsOf(family, { sliding_window: 7, max_window_layers: 2 }), [all, all, all, all, all]);
    assert.deepEqual(windowsOf(family, { ...slides, max_window_layers: 2 }), [all, all, 7, 7, 7]);
    assert.deepEqual(windowsOf(family, slides), [all, all, all, all, all], '28 layers do not, by default');
    assert.deepEqual(windowsOf(family, { use_sliding_window: true, max_window_layers: 4 }), [all, all, all, all, 4096]);
  }
});

test('the layers of SmolLM3 without positions slide, if it is asked for', () => {
  const slides = { use_sliding_window: true, sliding_window: 7 };
  assert.deepEqual(windowsOf(smollm3, {}), [all, all, all, all, all]);
  assert.deepEqual(windowsOf(smollm3, slides), [all, all, all, 7, all]);
  assert.deepEqual(windowsOf(smollm3, { ...slides, no_rope_layer_interval: 2 }), [all, 7, all, 7, all]);
  assert.deepEqual(windowsOf(smollm3, { ...slides, no_rope_layers: [0, 1, 1, 1, 0] }), [7, all, all, all, 7]);
  assert.deepEqual(windowsOf(smollm3, { ...slides, sliding_window: null }), [all, all, all, all, all]);
});

test("Gemma 2's layers slide in turn, Gemma 3's but for every sixth", () => {
  assert.deepEqual(windowsOf(gemma2, {}), [4096, all, 4096, all, 4096]);
  assert.deepEqual(windowsOf(gemma2, { sliding_window: 7 }), [7, all, 7, all, 7]);
  assert.deepEqual(windowsOf(gemma3, { num_hidden_layers: 7 }), [4096, 4096, 4096, 4096, 4096, all, 4096]);
  for (const key of ['sliding_window_pattern', '_sliding_window_pattern']) {
    assert.deepEqual(windowsOf(gemma3, { sliding_window: 7, [key]: 2 }), [7, all, 7, all, 7]);
  }
});

test('layer_types says it for each layer', () => {
  const layer_types = ['sliding_attention', 'full_attention', 'full_attention', 'sliding_attention', 'full_attention'];
  const slides = { use_sliding_window: true, sliding_window: 7, layer_types };
  for (const family of [qwen2, qwen3, smollm3, gemma2, gemma3]) {
    assert.deepEqual(windowsOf(family, slides), [7, all, all, 7, all]);
  }
});

test('values that cannot be are refused with the key', () => {
  const types = (type: string, count = 5) => ({ layer_types: new Array<string>(count).fill(type) });
  for (const [family, keys, pattern] of [
    [mistral, { sliding_window: 0 }, /sliding_window is 0; it must be at least 1/],
    [mistral, { sliding_window: '7' }, /sliding_window is "7"/],
    [mistral, { num_key_value_heads: 3 }, /num_key_value_heads is 3, which does not divide the 4/],
    [qwen2, types('full_attention', 4), /layer_types has 4 entries for 5 layers/],
    [qwen2, types('chunked_attention'), /layer_types has "chunked_attention"; supported are full_attention/],
    [qwen2, { layer_types: 'full_attention' }, /layer_types/],
    [qwen3, types('sliding_attention'), /layer_types has "sliding_attention", but there is no sliding window/],
    [qwen3, { head_dim: 15 }, /head_dim is 15; .* even/],
    [qwen3, { max_window_layers: 'all' }, /max_window_layers/],
    [gemma3, { sliding_window: null }, /sliding_window is null; this family needs one/],
    [smollm3, { no_rope_layer_interval: 0 }, /no_rope_layer_interval is 0/],
    [smollm3, { no_rope_layers: [1, 1] }, /no_rope_layers has 2 entries for 5 layers/],
    [smollm3, { no_rope_layers: [true] }, /no_rope_layers/],
    [phi3, { rope_scaling: { type: 'su' } }, /short_factor is missing/],
    [phi3, { num_attention_heads: 5, num_key_value_heads: null }, /head_dim is 6\.4; .* even/],
  ] as const) {
    assert.throws(
      () => windowsOf(family, keys as JsonObject),
      (error) => {
        assert.ok(SoftpromptError.is(error, 'config-key'), String(error));
        assert.match(error.message, pattern);
        return true;
      },
    );
  }
});
