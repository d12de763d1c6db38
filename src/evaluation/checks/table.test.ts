import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { drawnAdapter, drawnMethods, layerMethods } from '../../../test/engine/drawn.ts';
import { fingerprintModel } from '../../checkpoint/fingerprint.ts';
import { AttachedModel, LanguageModel } from '../../inference/languageModel.ts';
import { LossRunner } from '../../inference/lossRunner.ts';
import type { Adapter } from '../../methods/adapter.ts';
import type { CheckName, CheckResult, CheckSubject, GradientSource } from './check.ts';
import { checkNames, checkRules, runChecks, shortChecks } from './table.ts';

const sample = join(import.meta.dirname, '../../../samples/models/tiny');
const language = await LanguageModel.open(sample, 'cpu');
after(() => language.close());
const { model, device } = language;
const fingerprint = await fingerprintModel(sample);
const end = language.tokenizer.eosTokenIds[0]!;

const adapter = await drawnAdapter(model, 1, { peft_type: 'PROMPT_TUNING', num_virtual_tokens: 3 });
const rows = ['fix the parser', 'add a button', 'write the docs'].map((text) => {
  const inputIds = [...language.tokenizer.encode(text, { addSpecialTokens: false }), end];
  return { inputIds, labels: inputIds };
});
const sound: CheckSubject = {
  language,
  adapter,
  trainedOn: fingerprint,
  rows,
  tokenised: false,
  learningRate: 0.3,
  gradients: (method) => LossRunner.create(model, method, device, true),
};

async function results(subject: CheckSubject, names: readonly CheckName[] = checkNames): Promise<CheckResult[]> {
  const found: CheckResult[] = [];
  const now = () => new Date(0);
  for await (const result of runChecks(subject, names, new AbortController().signal, now)) found.push(result);
  return found;
}

async function only(name: CheckName, changes: Partial<CheckSubject>): Promise<CheckResult> {
  const [result] = await results({ ...sound, ...changes }, [name]);
  assert.equal(result!.name, name);
  return result!;
}

test('a sound adapter passes every check, each with a figure and the time', async () => {
  const found = await results(sound);
  assert.deepEqual(
    found.map(({ name, passed }) => [name, passed]),
    checkNames.map((name) => [name, true]),
  );
  for (const { figure, time } of found) {
    assert.equal(typeof figure, 'number');
    assert.equal(time, '1970-01-01T00:00:00.000Z');
  }
  assert.deepEqual(
    checkNames.filter((name) => !shortChecks.includes(name)),
    ['overfit'],
  );
});

for (const [name, config] of Object.entries({
  ...layerMethods,
  prefix: drawnMethods.prefix!,
  ADALORA: drawnMethods.ADALORA!,
  VERA: drawnMethods.VERA!,
})) {
  test(`${name} passes the short checks`, async () => {
    const drawn = await drawnAdapter(model, 1, config);
    for (const result of await results({ ...sound, adapter: drawn }, shortChecks)) {
      const spared = name === 'DoRA' && result.name === 'gradient';
      assert.equal(result.passed, spared ? null : true, JSON.stringify(result));
    }
  });
}

test('base is red for another fingerprint, and does not apply without one', async () => {
  assert.equal((await only('base', { trainedOn: 'another' })).passed, false);
  assert.equal((await only('base', { trainedOn: null })).passed, null);
});

/** The model with what `attach` gives changed. */
function attaching(change: (attached: AttachedModel, adapter: Adapter | null) => AttachedModel): LanguageModel {
  return Object.create(language, {
    attach: { value: async (given: Adapter | null) => change(await language.attach(given), given) },
  }) as LanguageModel;
}

test('padding is red when a batch changes a row', async () => {
  class Careless extends AttachedModel {
    override async decode(batch: number) {
      const decoding = await super.decode(batch);
      const advance = decoding.advance.bind(decoding);
      decoding.advance = async (tokens, all) => {
        const logits = await advance(tokens, all);
        return batch === 1 ? logits : logits.map((row) => row.map((x) => x.map((y) => y + 0.01)));
      };
      return decoding;
    }
  }
  const careless = attaching((a) => new Careless(language, a.method, a.tensors, a.prefix));
  assert.equal((await only('padding', { language: careless })).passed, false);
});

test('swap is red when an adapter leaves something behind', async () => {
  let swaps = 0;
  const sticky = attaching((attached, given) => {
    if (given === null || swaps++ === 0) return attached;
    const tensors = new Map([...attached.tensors].map(([name, data]) => [name, data.map((x) => x * swaps)] as const));
    return new AttachedModel(language, attached.method, tensors, new Map());
  });
  const lora = await drawnAdapter(model, 1, layerMethods.LORA);
  const result = await only('swap', { language: sticky, adapter: lora });
  assert.equal(result.passed, false);
});

test('reload is red, and says why, when what is written cannot be read', async () => {
  const { method, tensors } = adapter;
  const renamed: Adapter = { method: { ...method, config: { ...method.config, num_virtual_tokens: 4 } }, tensors };
  const result = await only('reload', { adapter: renamed });
  assert.equal(result.passed, false);
  assert.match(result.note!, /prompt_embeddings is \[3, /);
  assert.equal(result.todo, checkRules[result.name].todo);
});

test('effect is red for an adapter that changes nothing', async () => {
  const lora = await drawnAdapter(model, 1, layerMethods.LORA);
  const zeros = new Map([...lora.tensors].map(([name, data]) => [name, new Float32Array(data.length)] as const));
  const result = await only('effect', { adapter: { method: lora.method, tensors: zeros } });
  assert.deepEqual([result.figure, result.passed], [0, false]);
});

test('end_of_text is red without an end token, and does not apply where the rows came as token ids', async () => {
  const endless = rows.map(({ inputIds }) => ({ inputIds, labels: [...inputIds.slice(0, -1), -100] }));
  assert.deepEqual((await only('end_of_text', { rows: endless })).passed, false);
  assert.equal((await only('end_of_text', { rows: endless, tokenised: true })).passed, null);
  assert.equal((await only('end_of_text', { rows: null })).passed, null);
  assert.equal((await only('end_of_text', { rows: [rows[0]!, endless[1]!] })).figure, 0.5);
});

test('gradient is red when a gradient is wrong by a tenth, or missing', async () => {
  const scaled =
    (factor: number): CheckSubject['gradients'] =>
    async (method) => {
      const source: GradientSource = await sound.gradients(method);
      const run: GradientSource['run'] = async (...given) => {
        const { gradients, ...rest } = await source.run(...given);
        return { ...rest, gradients: new Map([...gradients].map(([name, g]) => [name, g.map((x) => x * factor)])) };
      };
      return { run, close: () => source.close() };
    };
  assert.equal((await only('gradient', { gradients: scaled(1) })).passed, true);
  for (const factor of [1.1, 0, -1, Number.NaN]) {
    assert.equal((await only('gradient', { gradients: scaled(factor) })).passed, false, String(factor));
  }
});

test('overfit is red at a rate at which nothing is learnt', async () => {
  assert.equal((await only('overfit', { learningRate: 1e-9 })).passed, false);
  assert.equal((await only('overfit', { rows: null })).passed, null);
});

test('checks stop when they are cancelled', async () => {
  const controller = new AbortController();
  const checks = runChecks(sound, checkNames, controller.signal, () => new Date(0));
  await checks.next();
  controller.abort();
  await assert.rejects(checks.next(), { name: 'AbortError' });
});
