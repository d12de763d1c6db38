import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, describe, type TestContext, test } from 'node:test';
import { operatorCases } from '../../test/operators/cases.ts';
import { type OperatorCase, sizesOf } from '../../test/operators/operatorCase.ts';
import { drawTensors, feed, programOf } from '../../test/operators/program.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import { GraphSession } from '../runtime/session.ts';
import { Builder } from './builder.ts';

/** Chromium's software Vulkan driver, for machines without a GPU. */
const softwareDriver = '/usr/lib/chromium/vk_swiftshader_icd.json';
if (existsSync(softwareDriver)) process.env.VK_DRIVER_FILES ??= softwareDriver;

/**
 * Both providers compute in float32, but in another order and with the GPU's own exp, tanh and the like, for which WebGPU
 * allows an error of a few units in the last place more (https://www.w3.org/TR/WGSL/#floating-point-accuracy).
 */
const tolerance = 1e-4;

// One session stays open, else every other would start the device anew.
const opened = await open();
const missing = typeof opened === 'string' ? opened : false;
after(() => typeof opened === 'string' || opened.close());

for (const [op, cases] of Object.entries(operatorCases)) {
  describe(op, { skip: missing }, () => {
    for (const operatorCase of cases) test(operatorCase.name, (t) => compare(operatorCase, t));
  });
}

/** A session, or why WebGPU cannot be had here. Any other failure than a missing adapter is one. */
async function open(): Promise<GraphSession | string> {
  const b = new Builder();
  b.graph.output(b.neg(b.graph.input('x', 'float32', [1])));
  try {
    return await GraphSession.create(b.graph, 'webgpu');
  } catch (error) {
    if (error instanceof SoftpromptError && /Failed to get a WebGPU adapter/.test(error.message)) return error.message;
    throw error;
  }
}

async function compare(operatorCase: OperatorCase, t: TestContext): Promise<void> {
  const program = programOf(operatorCase);
  const cpu = await GraphSession.create(program.graph, 'cpu');
  const gpu = await GraphSession.create(program.graph, 'webgpu');
  try {
    for (const [i, sizes] of sizesOf(operatorCase).entries()) {
      const inputs = feed(program, drawTensors(operatorCase, program, sizes, i));
      const want = await cpu.run(inputs);
      const found = await gpu.run(inputs);
      for (const [name, { dims, data }] of want) {
        assert.deepEqual(found.get(name)!.dims, dims, `shape of ${name}`);
        const numbers = Array.from<number | bigint, number>(data, Number);
        const scale = Math.max(1, ...numbers.map(Math.abs));
        numbers.forEach((x, j) => {
          const y = Number(found.get(name)!.data[j]);
          assert.ok(Math.abs(x - y) <= tolerance * scale, `${name}, element ${j}: ${y} on WebGPU, ${x} on the CPU`);
        });
      }
    }
  } catch (error) {
    // Half precision is an optional feature of WebGPU; nothing but the test computes in it.
    if (!(error instanceof Error && error.message.includes('requires f16 but the device does not support it')))
      throw error;
    t.skip('the device has no half precision');
  } finally {
    await cpu.close();
    await gpu.close();
  }
}
