import { type FloatType, roundings } from '../checkpoint/floatTypes.ts';
import type { JsonObject } from '../checkpoint/json.ts';
import type { TensorInfo } from '../checkpoint/safetensors.ts';
import { readFloat32, readTensorBytes } from '../checkpoint/tensorReading.ts';
import type { LazyTensor } from '../checkpoint/tensorWriting.ts';
import { openWeights } from '../checkpoint/weights.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import { linearSites } from '../models/linearSites.ts';
import type { Model } from '../models/model.ts';
import type { Adapter } from './adapter.ts';
import { type MergedTensor, type Method, type PeftType, positionsTaken } from './method.ts';

/** What writing a checkpoint with an adapter worked in has done so far. */
export interface MergeTally {
  /** Tensors written. */
  written: number;
  /** Of those, tensors that are not what they were; their names in the file. */
  readonly changed: string[];
  /** Largest error that rounding to the checkpoint's type added to an element. */
  largestRounding: number;
  /** Sums of squares over the elements of changed tensors: of that error, of the change before it, of the result. */
  readonly squares: { rounding: number; change: number; result: number };
}

/** A checkpoint with an adapter worked in, to be written. */
export interface Merge {
  /** All tensors of the checkpoint, in its order and types; each is made when its turn comes. */
  readonly tensors: readonly LazyTensor[];
  /** Keys of config.json that must change with them. */
  readonly configChanges: JsonObject;
  readonly tally: MergeTally;
}

/**
 * Works an adapter into a model's checkpoint. A tensor in which nothing changes keeps its bytes; others are rounded to
 * the type they had.
 * @param seen called after each tensor, for progress
 * @throws SoftpromptError not-mergeable; cancelled, while tensors are made
 */
export async function planMerge(
  model: Model,
  { method, tensors: trained }: Adapter,
  signal: AbortSignal,
  seen: (tally: MergeTally, tensors: number) => void,
): Promise<Merge> {
  const { merged = why(method), peftType } = method;
  if (typeof merged === 'string') throw new SoftpromptError('not-mergeable', { method: peftType, why: merged });
  const missing = [...merged.keys()].find((name) => !model.weights.tensors.has(name));
  if (missing !== undefined) {
    const why = `it trains ${missing}, which the checkpoint does not hold`;
    throw new SoftpromptError('not-mergeable', { method: peftType, why });
  }
  const head = method.untiesHead === true ? ownHead(model, peftType) : null;
  const transformersName = new Map([...model.weights.tensors].map(([name, info]) => [info.name, name]));
  const { tensors: files } = await openWeights(model.dir);
  const tally: MergeTally = {
    written: 0,
    changed: [],
    largestRounding: 0,
    squares: { rounding: 0, change: 0, result: 0 },
  };
  const all = [...files.values(), ...(head === null ? [] : [head])];
  const tensors = all.map((info): LazyTensor => {
    const data = async (): Promise<Float32Array | Uint8Array> => {
      if (signal.aborted) throw new SoftpromptError('cancelled', {});
      const change = info === head ? undefined : merged.get(transformersName.get(info.name) ?? '');
      const content = change && (await changedContent(info, (base) => change(base, trained), tally));
      tally.written++;
      seen(tally, all.length);
      return content ?? readTensorBytes(info);
    };
    return { name: info.name, dtype: info.dtype, shape: info.shape, data };
  });
  const isUntied = head !== null || untied(model, merged);
  return { tensors, configChanges: isUntied ? { tie_word_embeddings: false } : {}, tally };
}

/** A tensor's new values, or undefined when all are what they were. @throws SoftpromptError tensor-unusable */
async function changedContent(
  info: TensorInfo,
  change: (base: Float32Array) => Float32Array,
  tally: MergeTally,
): Promise<Float32Array | undefined> {
  const base = await readFloat32(info);
  const values = change(base);
  if (values.every((x, i) => x === base[i])) return undefined;
  const rounded = roundings[info.dtype as FloatType](values);
  const { squares } = tally;
  for (let i = 0; i < values.length; i++) {
    const x = values[i]!;
    if (!Number.isFinite(rounded[i]!) && Number.isFinite(base[i]!)) {
      const problem = `would hold ${x}, which ${info.dtype} cannot, with the adapter worked in`;
      throw new SoftpromptError('tensor-unusable', { file: info.file, tensor: info.name, problem });
    }
    const error = Math.abs(rounded[i]! - x);
    tally.largestRounding = Math.max(tally.largestRounding, error);
    squares.rounding += error ** 2;
    squares.change += (x - base[i]!) ** 2;
    squares.result += x ** 2;
  }
  tally.changed.push(info.name);
  return values;
}

/**
 * Whether the output head, a tensor of its own in a checkpoint whose config.json says that it is the table of token
 * embeddings, no longer is that once the adapter is worked in.
 */
function untied(model: Model, merged: ReadonlyMap<string, MergedTensor>): boolean {
  const { weights, tokenEmbedding } = model.architecture;
  const heads = linearSites(model).inHead.map(({ path }) => `${path}.weight`);
  const mayBeAbsent = weights.some(({ name, optional }) => optional && heads.includes(name));
  return mayBeAbsent && [...heads, `${tokenEmbedding.path}.weight`].some((name) => merged.has(name));
}

/**
 * The output head as a tensor of its own, with the bytes of the table that it shares so far.
 * @throws SoftpromptError not-mergeable for models in which that would be another model
 */
function ownHead({ architecture, weights }: Model, method: PeftType): TensorInfo {
  const { tokenEmbedding, kind } = architecture;
  const table = weights.tensors.get(`${tokenEmbedding.path}.weight`)!;
  const spec = architecture.weights.find(({ name, optional, shape }) => {
    return optional === true && !weights.tensors.has(name) && shape.join() === table.shape.join();
  });
  // T5 scales what goes into a tied head.
  if (spec !== undefined && kind === 'decoder') return { ...table, name: spec.name };
  const why = `${tokenEmbedding.path}, which it changes, is the output head too, which it does not`;
  throw new SoftpromptError('not-mergeable', { method, why });
}

/** Why a method cannot be worked into weights. */
function why(method: Method): string {
  const taken = positionsTaken(method);
  return taken > 0
    ? `it puts ${taken} virtual tokens into every text and changes no weight`
    : 'what it computes beside the layers is no change of their weights';
}
