/**
 * Pre-trains the sample base from scratch with this engine: full training on the documents of the mixture. Writes
 * samples/models/tiny/model.safetensors in half precision; scripts/sample/gate.ts then says whether it may be shipped.
 * Takes most of an hour on two cores. Run: node scripts/sample/pretrain.ts [millions of tokens, default 7]
 */

import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeSafetensors } from '../../src/checkpoint/tensorWriting.ts';
import { openTokenizer } from '../../src/checkpoint/tokenizer.ts';
import { Random } from '../../src/foundation/random.ts';
import { freshRunners } from '../../src/inference/runnerSource.ts';
import { configureMethod } from '../../src/methods/table.ts';
import type { LabelledRow } from '../../src/models/labelledRow.ts';
import { openModel } from '../../src/models/model.ts';
import { newestCheckpoint, readCheckpoint } from '../../src/training/checkpoint.ts';
import { train } from '../../src/training/train.ts';
import { documents, endOfText } from './mixture.ts';
import { modelConfig } from './modelFiles.ts';

const seed = 7;
/** Tokens before the answer count this much of an answer's token: they are mostly noise, but teach the language. */
const promptWeight = 0.1;

const root = join(import.meta.dirname, '../..');
const shipped = join(root, 'samples/models/tiny');
const work = join(root, '.cache/pretrain');

/** Documents as rows, until there are so many tokens. */
export async function pretrainingRows(tokens: number): Promise<LabelledRow[]> {
  const tokenizer = await openTokenizer(shipped);
  const encode = (text: string) => tokenizer.encode(text, { addSpecialTokens: false });
  const rows: LabelledRow[] = [];
  for (const { prompt, answer } of documents(seed)) {
    const head = encode(prompt);
    const inputIds = [...head, ...encode(answer + endOfText)];
    const weights = inputIds.map((_, t) => (t < head.length ? promptWeight : 1));
    rows.push({ inputIds, labels: inputIds, weights });
    tokens -= inputIds.length;
    if (tokens <= 0) return rows;
  }
  return rows;
}

/** Writes the untrained model: normal weights of the embedding's scale, outputs of sub-blocks scaled down by depth as GPT-2 does. */
async function writeUntrained(): Promise<void> {
  const { hidden_size: hidden, intermediate_size: inner, num_hidden_layers: layers, head_dim: headDim } = modelConfig;
  const random = Random.of(seed, 'weights');
  const normal = (count: number, deviation: number) =>
    Float32Array.from({ length: count }, () => deviation * random.normal());
  const matrix = (name: string, out: number, into: number, deviation = into ** -0.5) => ({
    name,
    dtype: 'F32' as const,
    shape: [out, into],
    data: normal(out * into, deviation),
  });
  const ones = (name: string) => ({
    name,
    dtype: 'F32' as const,
    shape: [hidden],
    data: new Float32Array(hidden).fill(1),
  });
  const residual = (into: number) => (into * 2 * layers) ** -0.5;
  const kv = modelConfig.num_key_value_heads * headDim;
  await writeSafetensors(join(work, 'model.safetensors'), [
    matrix('model.embed_tokens.weight', modelConfig.vocab_size, hidden, 0.05),
    ones('model.norm.weight'),
    ...Array.from({ length: layers }, (_, i) => `model.layers.${i}`).flatMap((at) => [
      ones(`${at}.input_layernorm.weight`),
      matrix(`${at}.self_attn.q_proj.weight`, hidden, hidden),
      matrix(`${at}.self_attn.k_proj.weight`, kv, hidden),
      matrix(`${at}.self_attn.v_proj.weight`, kv, hidden),
      matrix(`${at}.self_attn.o_proj.weight`, hidden, hidden, residual(hidden)),
      ones(`${at}.post_attention_layernorm.weight`),
      matrix(`${at}.mlp.gate_proj.weight`, inner, hidden),
      matrix(`${at}.mlp.up_proj.weight`, inner, hidden),
      matrix(`${at}.mlp.down_proj.weight`, hidden, inner, residual(inner)),
    ]),
  ]);
}

async function pretrain(tokens: number): Promise<void> {
  await mkdir(work, { recursive: true });
  await copyFile(join(shipped, 'config.json'), join(work, 'config.json'));
  await writeUntrained();
  const model = await openModel(work);
  const method = configureMethod({ peft_type: 'FULL' }, model);
  const rows = await pretrainingRows(tokens);
  const checkpoints = join(work, 'checkpoints');
  const newest = await newestCheckpoint(checkpoints);
  const setup = {
    model,
    method,
    initial: await method.initialise({ model, random: Random.of(seed, 'init'), encode: null }),
    rows,
    validation: [],
    options: {
      num_train_epochs: 1,
      per_device_train_batch_size: 32,
      gradient_accumulation_steps: 1,
      learning_rate: 4e-3,
      lr_scheduler_type: 'cosine',
      warmup_steps: 100,
      weight_decay: 0.05,
      max_grad_norm: 1,
      optim: 'adamw',
      adam_beta1: 0.9,
      adam_beta2: 0.95,
      adam_epsilon: 1e-8,
      eval_steps: 1000,
      shuffle: true,
      seed,
    },
    device: 'cpu',
    runners: freshRunners(model, 'cpu'),
    checkpoints,
    resume: newest === null ? null : await readCheckpoint(newest),
    sample: null,
    now: () => performance.now(),
  } as const;
  const run = train(setup, new AbortController().signal);
  let loss = Number.NaN;
  let seen = 0;
  let seconds = 0;
  for (;;) {
    const { value, done } = await run.next();
    if (done) {
      const tensors = [...value.tensors].map(([name, data]) => {
        const shape = model.weights.tensors.get(name)!.shape;
        return { name, dtype: 'F16' as const, shape, data };
      });
      await writeSafetensors(join(shipped, 'model.safetensors'), tensors, { format: 'pt' });
      return;
    }
    if (value.event !== 'step') continue;
    loss = Number.isNaN(loss) ? value.loss : 0.98 * loss + 0.02 * value.loss;
    seen += value.tokens;
    seconds += value.seconds;
    if (value.step % 50 === 0) {
      console.log(
        `step ${value.step}  loss ${loss.toFixed(3)}  ${seen} tokens  ${(seen / seconds).toFixed(0)} tokens/s`,
      );
    }
  }
}

if (import.meta.main) await pretrain(Number(process.argv[2] ?? 7) * 1e6);
