import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { SoftpromptError } from '../../src/foundation/errors.ts';
import { generate } from '../../src/inference/generate.ts';
import { LanguageModel } from '../../src/inference/languageModel.ts';
import { LossRunner } from '../../src/inference/lossRunner.ts';
import { openModel } from '../../src/models/model.ts';
import type { StepEvent } from '../../src/training/events.ts';
import { joined, largestError, relativeError, tinyModels } from '../golden/reference.ts';
import { drawnAdapter, drawnPrompt, drawnRows, layerMethods } from './drawn.ts';
import { scoresOf } from './scores.ts';
import { plainOptions, trained } from './training.ts';

/** Chromium's software Vulkan driver, for machines without a GPU. */
const softwareDriver = '/usr/lib/chromium/vk_swiftshader_icd.json';
if (existsSync(softwareDriver)) process.env.VK_DRIVER_FILES ??= softwareDriver;

/** Of WebGPU against the CPU. */
const tolerance = 1e-3;
const greedy = { maxNewTokens: 8, stopIds: [], sampling: null, signal: new AbortController().signal };

// One session stays open, else every other would start the device anew.
const opened = await open();
const missing = typeof opened === 'string' ? opened : false;
after(() => typeof opened === 'string' || opened.close());

/** A session, or why WebGPU cannot be had here. Any other failure than a missing adapter is one. */
async function open(): Promise<LossRunner | string> {
  const model = await openModel(tinyModels.gpt2);
  try {
    return await LossRunner.create(model, (await drawnPrompt(model, 1)).method, 'webgpu', false);
  } catch (error) {
    if (error instanceof SoftpromptError && /Failed to get a WebGPU adapter/.test(error.message)) return error.message;
    throw error;
  }
}

let checkpoints: string;
before(async () => {
  checkpoints = await mkdtemp(join(tmpdir(), 'webgpu-'));
});
after(() => rm(checkpoints, { recursive: true }));

const { gpt2, llama, tiedLlama, phi, gemma2 } = tinyModels;
for (const [family, dir] of Object.entries({ gpt2, llama, tiedLlama, phi, gemma2 })) {
  describe(`${family} on WebGPU`, { skip: missing }, () => {
    for (const [name, config] of Object.entries({ 'a soft prompt': null, ...layerMethods })) {
      test(`the loss and the gradient of ${name} are those of the CPU`, async () => {
        const model = await openModel(dir);
        const { method, tensors } =
          config === null ? await drawnPrompt(model, 1) : await drawnAdapter(model, 1, config);
        const rows = drawnRows(model, 4);
        const results = [];
        for (const device of ['cpu', 'webgpu'] as const) {
          const runner = await LossRunner.create(model, method, device, true);
          results.push(await runner.run(rows, tensors, 1 / 16));
          await runner.close();
        }
        const [cpu, gpu] = results;
        assert.ok(Math.abs(gpu!.loss - cpu!.loss) <= tolerance * cpu!.loss);
        assert.ok(largestError(joined(gpu!.logprobs), joined(cpu!.logprobs)) <= tolerance);
        for (const [name, gradient] of cpu!.gradients) {
          assert.ok(relativeError(gpu!.gradients.get(name)!, gradient) <= tolerance, name);
        }
      });
    }

    test('scores and greedy tokens are those of the CPU, with and without a soft prompt', async () => {
      const [cpu, gpu] = [await LanguageModel.open(dir, 'cpu'), await LanguageModel.open(dir, 'webgpu')];
      try {
        const rows = drawnRows(cpu.model, 4);
        const prompts = rows.map((row) => row.inputIds);
        for (const adapter of [null, await drawnPrompt(cpu.model, 2)]) {
          const [onCpu, onGpu] = [await cpu.attach(adapter), await gpu.attach(adapter)];
          assert.ok(
            largestError(joined(await scoresOf(onGpu, rows)), joined(await scoresOf(onCpu, rows))) <= tolerance,
          );
          assert.deepEqual(await generate(onGpu, prompts, greedy), await generate(onCpu, prompts, greedy));
        }
      } finally {
        await cpu.close();
        await gpu.close();
      }
    });
  });
}

test('a run on WebGPU follows one on the CPU', { skip: missing }, async () => {
  const model = await openModel(llama);
  const { method, tensors: initial } = await drawnPrompt(model, 1);
  const setup = { model, method, initial, rows: drawnRows(model, 8), checkpoints };
  const options = { ...plainOptions, max_steps: 4 };
  const cpu = await trained({ ...setup, options });
  const gpu = await trained({ ...setup, options, device: 'webgpu' });
  const losses = (events: typeof cpu.events) =>
    events.filter((event): event is StepEvent => event.event === 'step').map((step) => step.loss);
  assert.ok(largestError(losses(gpu.events), losses(cpu.events)) <= tolerance);
  for (const [name, data] of cpu.outcome.tensors) {
    assert.ok(relativeError(gpu.outcome.tensors.get(name)!, data) <= tolerance, name);
  }
});
