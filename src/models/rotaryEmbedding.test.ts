import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ModelConfig } from '../checkpoint/config.ts';
import type { JsonObject } from '../checkpoint/json.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import { readRotary } from './rotaryEmbedding.ts';

interface RotaryCase {
  readonly name: string;
  readonly config: JsonObject;
  readonly head_dim: number;
  /** Positions of the row. */
  readonly length: number;
  readonly inverse_frequencies: readonly number[];
  readonly attention_factor: number;
}

const file = join(import.meta.dirname, '../../test/golden/rotary/cases.json');
const cases: readonly RotaryCase[] = JSON.parse(readFileSync(file, 'utf8'));
const reading = { maxPositions: 2048 };

for (const { name, config, head_dim, length, inverse_frequencies, attention_factor } of cases) {
  test(`${name}, a row of ${length}: transformers' frequencies and attention factor`, () => {
    const rotary = readRotary(new ModelConfig('config.json', config), head_dim, reading);
    const found = rotary.frequenciesOf?.(length) ?? rotary.frequencies;
    assert.deepEqual(found, Float32Array.from(inverse_frequencies));
    assert.ok(Math.abs(rotary.factor - attention_factor) <= 1e-12);
  });
}

const read = (rope: JsonObject, more: JsonObject = {}, other = {}) =>
  readRotary(
    new ModelConfig('config.json', {
      max_position_embeddings: 64,
      ...more,
      rope_parameters: { rope_theta: 1e4, ...rope },
    }),
    8,
    { ...reading, ...other },
  );
const longrope = { rope_type: 'longrope', short_factor: [1, 1, 1, 1], long_factor: [2, 2, 2, 2] };

test('rows of the same frequencies get the same array', () => {
  const { frequenciesOf } = read({ ...longrope, original_max_position_embeddings: 16 });
  assert.equal(frequenciesOf!(1), frequenciesOf!(16));
  assert.equal(frequenciesOf!(17), frequenciesOf!(64));
  assert.notEqual(frequenciesOf!(16), frequenciesOf!(17));
  const dynamic = read({ rope_type: 'dynamic', factor: 4 });
  assert.equal(dynamic.frequenciesOf!(1), dynamic.frequenciesOf!(64));
  assert.equal(dynamic.positions, 256, 'rows may be as long as the factor stretches them');
});

test('the names that the first files had for a type', () => {
  const names = { typeNames: { su: 'longrope' } } as const;
  assert.deepEqual(
    read({ ...longrope, rope_type: 'su' }, {}, { ...names, originalPositions: 16 }).frequencies,
    read({ ...longrope, original_max_position_embeddings: 16 }).frequencies,
  );
  assert.throws(() => read({ ...longrope, rope_type: 'su' }), /rope_type.*"su".*default, linear, dynamic, yarn/);
});

test('parameters that cannot be are refused by their key', () => {
  for (const [rope, pattern] of [
    [{ rope_type: 'toString' }, /rope_type/],
    [{ rope_type: 'linear', factor: 0 }, /rope_parameters\.factor/],
    [{ rope_type: 'dynamic', factor: -1 }, /rope_parameters\.factor/],
    [{ rope_type: 'dynamic' }, /rope_parameters\.factor/],
    [{ rope_type: 'dynamic', factor: 2, partial_rotary_factor: 0.25 }, /more than 2/],
    [{ rope_type: 'yarn', factor: '4' }, /rope_parameters\.factor/],
    [{ rope_type: 'yarn', factor: 4, truncate: 'no' }, /truncate/],
    [{ rope_type: 'yarn', factor: 4, original_max_position_embeddings: 0 }, /original_max_position_embeddings/],
    [{ ...longrope, long_factor: undefined }, /long_factor.*missing/],
    [{ ...longrope, long_factor: [1, 1, 1] }, /long_factor.*3 numbers for 4 pairs/],
    [{ ...longrope, short_factor: [1, 1, 0, 1] }, /short_factor.*above 0/],
    [{ ...longrope, original_max_position_embeddings: 1 }, /original_max_position_embeddings.*2 or more/],
    [{ rope_type: 'default', rope_theta: 1 }, /rope_theta/],
    [{ rope_type: 'default', rope_theta: -3 }, /rope_theta/],
  ] as const) {
    assert.throws(
      () => read(JSON.parse(JSON.stringify(rope))),
      (error: unknown) => SoftpromptError.is(error, 'config-key') && pattern.test(error.message),
      JSON.stringify(rope),
    );
  }
});
