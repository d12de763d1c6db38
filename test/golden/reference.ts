import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSafetensorsHeader } from '../../src/checkpoint/safetensors.ts';
import { readFloat32 } from '../../src/checkpoint/tensorReading.ts';
import type { LabelledRow } from '../../src/models/labelledRow.ts';
import type { Task } from '../../src/models/task.ts';

/** The sets of expected values, each made with its own versions of the libraries (README.md). */
const sets = ['peft010', 'peft021'] as const;

/** A folder or file of expected values, and the set it lies in. */
export interface GoldenCase {
  /** `SET/NAME`, for titles of tests. */
  readonly title: string;
  /** Absolute folder of the set: paths inside case files are relative to it. */
  readonly root: string;
  /** Absolute path of the case. */
  readonly path: string;
}

/** All cases of a kind, over both sets. */
export function goldenCases(kind: 'forward' | 'train' | 'generate' | 'merge'): readonly GoldenCase[] {
  return sets.flatMap((set) => {
    const root = join(import.meta.dirname, set);
    return readdirSync(join(root, kind)).map((name) => ({
      title: `${set}/${name}`,
      root,
      path: join(root, kind, name),
    }));
  });
}

/** Folders of models that tests of properties may use. */
export const tinyModels = {
  gpt2: join(import.meta.dirname, 'peft021/models/gpt2-a'),
  /** Grouped queries, llama3 rotary embedding. */
  llama: join(import.meta.dirname, 'peft021/models/llama3-a'),
  /** Weights in three files, grouped queries. */
  sharded: join(import.meta.dirname, 'peft021/models/llama-sharded-a'),
  /** float16 weights, input and output embedding one tensor, linear rotary embedding. */
  tiedLlama: join(import.meta.dirname, 'peft021/models/llama-f16-a'),
  /** Token embeddings are scaled, norms multiply by 1 + weight. */
  gemma: join(import.meta.dirname, 'peft021/models/gemma-a'),
  /** Soft caps, norms around every sub-block, a window in every other layer. */
  gemma2: join(import.meta.dirname, 'peft021/models/gemma2-a'),
  /** Norms of heads, a window in two layers of three, which rotate faster than the third. */
  gemma3: join(import.meta.dirname, 'peft021/models/gemma3-a'),
  /** A quarter of every head rotates. */
  gptNeox: join(import.meta.dirname, 'peft010/models/gpt_neox-a'),
  /** Norms after the sub-blocks, token embeddings narrower than the layers. */
  opt: join(import.meta.dirname, 'peft010/models/opt-postln-a'),
  /** Half of every head rotates. */
  phi: join(import.meta.dirname, 'peft010/models/phi-a'),
  /** A sliding window of 5 in every layer. */
  mistral: join(import.meta.dirname, 'peft021/models/mistral-a'),
  /** Biases on query, key and value. */
  qwen2: join(import.meta.dirname, 'peft021/models/qwen2-a'),
  /** A norm of each head's query and key. */
  qwen3: join(import.meta.dirname, 'peft021/models/qwen3-a'),
  /** A decoder with a classifier. */
  qwen3Classifier: join(import.meta.dirname, 'peft021/models/qwen3-cls-a'),
  /** Norms after the sub-blocks, and over all heads of queries and keys. */
  olmo2: join(import.meta.dirname, 'peft021/models/olmo2-a'),
  /** A layer without positions. */
  smollm3: join(import.meta.dirname, 'peft021/models/smollm3-a'),
  /** An encoder with a classifier of three classes. */
  bert: join(import.meta.dirname, 'peft010/models/bert-a'),
  /** Without a pooler, positions counted from 2 on; four classes. */
  roberta: join(import.meta.dirname, 'peft010/models/roberta-a'),
  /** An encoder and a decoder; input and output embedding one tensor. */
  t5: join(import.meta.dirname, 'peft010/models/t5-a'),
  /** A gated MLP, heads narrower than the layers, a head of its own. */
  flanT5: join(import.meta.dirname, 'peft010/models/flan-t5-a'),
  /** One matrix for query, key and value, one for gate and up. */
  phi3: join(import.meta.dirname, 'peft021/models/phi3-a'),
} as const;

/** ReLUs have kinks, beside which the slope of a loss says nothing: their gradients are held to PEFT's in the golden set. */
const kinked: readonly string[] = ['opt', 't5'];

/** Those of the models whose losses are smooth. */
export const smoothModels = Object.fromEntries(Object.entries(tinyModels).filter(([name]) => !kinked.includes(name)));

/** One whose rows of more than 20 positions turn otherwise than shorter ones. */
export const longropeModel = join(import.meta.dirname, 'peft021/models/phi3-longrope-a');

/** A case file's content. */
export function readCase<T>(path: string): T {
  return JSON.parse(readFileSync(path, 'utf8'));
}

/** Every tensor of a safetensors file. */
export async function readTensors(
  file: string,
): Promise<Map<string, { shape: readonly number[]; data: Float32Array }>> {
  const { tensors } = await readSafetensorsHeader(file);
  const all = new Map<string, { shape: readonly number[]; data: Float32Array }>();
  for (const [name, info] of tensors) all.set(name, { shape: info.shape, data: await readFloat32(info) });
  return all;
}

/** A padded batch as the reference libraries take it: labels by position, of the written row (T5), or a class a row. */
export interface PaddedBatch {
  readonly input_ids: readonly (readonly number[])[];
  readonly attention_mask: readonly (readonly number[])[];
  readonly token_type_ids?: readonly (readonly number[])[];
  readonly labels: readonly (readonly number[])[] | readonly number[];
}

/** The rows of a padded batch without their padding; `offset` is how many pads were cut off in front. */
export function unpadded(
  batch: PaddedBatch,
  task: Task,
): readonly (LabelledRow & { inputIds: number[]; offset: number })[] {
  return batch.input_ids.map((ids, r) => {
    const mask = batch.attention_mask[r]!;
    const offset = mask.indexOf(1);
    const real = (values: readonly number[]) => values.filter((_, t) => mask[t] === 1);
    const own = batch.labels[r]!;
    const types = batch.token_type_ids?.[r];
    return {
      inputIds: real(ids),
      labels: labelsOf(own, task, real),
      ...(types !== undefined && { tokenTypeIds: real(types) }),
      offset,
    };
  });
}

function labelsOf(
  own: readonly number[] | number,
  task: Task,
  real: (values: readonly number[]) => readonly number[],
): readonly number[] {
  if (typeof own === 'number') return [own];
  return task === 'seq_2_seq_lm' ? own.slice(0, own.findLastIndex((label) => label !== -100) + 1) : real(own);
}

/** Rows of a train.jsonl. */
export function readRows(file: string): readonly LabelledRow[] {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  return lines.map((line) => {
    const { input_ids: inputIds, labels } = JSON.parse(line);
    return { inputIds, labels: typeof labels === 'number' ? [labels] : labels };
  });
}

/** Norm of the difference over the norm of what is expected; what is expected to be 0 must be. */
export function relativeError(found: Float32Array, expected: Float32Array): number {
  let difference = 0;
  let norm = 0;
  for (const [i, x] of expected.entries()) {
    difference += (found[i]! - x) ** 2;
    norm += x ** 2;
  }
  return difference === 0 ? 0 : Math.sqrt(difference / norm);
}

/** Largest absolute difference; infinite when the lengths differ or a number is none. */
export function largestError(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (found.length !== expected.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(found[i]! - expected[i]!);
    largest = Math.max(largest, Number.isNaN(error) ? Number.POSITIVE_INFINITY : error);
  }
  return largest;
}

/** Arrays one after another. */
export function joined(arrays: readonly Float32Array[]): Float32Array {
  return Float32Array.from(arrays.flatMap((array) => Array.from(array)));
}
