/**
 * Times training steps of prompt tuning on a model of GPT-2 small's shape with random weights: 8 rows of 128 tokens, 20
 * virtual tokens, the last half of each row supervised. Prints seconds a step, tokens a second and peak memory.
 * Run: node bench/promptTuningStep.ts [steps, default 3]
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ModelConfig } from '../src/checkpoint/config.ts';
import { writeSafetensors } from '../src/checkpoint/tensorWriting.ts';
import { Random } from '../src/foundation/random.ts';
import { LossRunner } from '../src/inference/lossRunner.ts';
import { configureMethod } from '../src/methods/table.ts';
import { gpt2 } from '../src/models/gpt2.ts';
import { openModel } from '../src/models/model.ts';

const rows = 8;
const time = 128;
const config = { model_type: 'gpt2', n_embd: 768, n_layer: 12, n_head: 12, vocab_size: 50_257, n_positions: 1024 };

const folder = await mkdtemp(join(tmpdir(), 'softprompt-bench-'));
try {
  const random = Random.of(1, 'bench');
  const { weights } = gpt2(new ModelConfig('bench', config));
  await writeFile(join(folder, 'config.json'), JSON.stringify(config));
  await writeSafetensors(
    join(folder, 'model.safetensors'),
    weights
      .filter((weight) => !weight.optional)
      .map(({ name, shape }) => {
        const data = Float32Array.from(
          { length: shape.reduce((a, b) => a * b, 1) },
          () => 0.04 * random.uniform() - 0.02,
        );
        return { name, dtype: 'F32', shape, data };
      }),
  );
  const model = await openModel(folder);
  const method = configureMethod({ peft_type: 'PROMPT_TUNING', num_virtual_tokens: 20 }, model);
  const tensors = await method.initialise({ model, random, encode: null });
  const batch = Array.from({ length: rows }, () => {
    const inputIds = Array.from({ length: time }, () => random.integer(config.vocab_size));
    return { inputIds, labels: inputIds.map((id, t) => (t < time / 2 ? -100 : id)) };
  });
  const began = performance.now();
  const runner = await LossRunner.create(model, method, 'cpu', true);
  console.log(`session ready after ${((performance.now() - began) / 1000).toFixed(1)} s`);
  for (let step = 1; step <= Number(process.argv[2] ?? 3); step++) {
    const start = performance.now();
    await runner.run(batch, tensors, 1 / ((rows * time) / 2));
    const seconds = (performance.now() - start) / 1000;
    const memory = process.resourceUsage().maxRSS / 1024 / 1024;
    console.log(
      `step ${step}: ${seconds.toFixed(2)} s, ${((rows * time) / seconds).toFixed(0)} tokens/s, peak ${memory.toFixed(2)} GiB`,
    );
  }
  await runner.close();
} finally {
  await rm(folder, { recursive: true, force: true });
}
