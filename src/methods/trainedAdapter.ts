import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readSafetensorsHeader } from '../checkpoint/safetensors.ts';
import { writeSafetensors } from '../checkpoint/tensorWriting.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import type { Model } from '../models/model.ts';
import {
  type Adapter,
  readExactly,
  relativeDifference,
  type StoredAdapter,
  tensorData,
  writeAdapter,
} from './adapter.ts';
import type { Method, TrainedTensors } from './method.ts';
import { encodedTensors } from './promptEncoder.ts';

/** The encoder's tensors, beside PEFT's files; PEFT keeps only what the encoder makes, and ignores this. */
const encoderFile = 'prompt_encoder.safetensors';

/** Largest norm of what an encoder makes minus what is stored, over the norm of that: bfloat16 rounds by 2^-9. */
const encoderTolerance = 1e-2;

/**
 * What training goes on from: `method` configured with the tensors it trains. A prompt that an encoder made goes on with
 * its encoder; where the folder has none (PEFT does not keep it), with the virtual tokens themselves.
 * @throws SoftpromptError adapter-mismatch when the encoder is another method's, or does not make the stored prompt
 */
export async function continued(stored: StoredAdapter, method: Method, model: Model): Promise<Adapter> {
  const { encoder } = method;
  if (encoder === undefined) return { method, tensors: stored.tensors };
  const file = join(stored.dir, encoderFile);
  if (!encoder.kept || !existsSync(file)) return { method: direct(method), tensors: stored.tensors };
  const tensors = await readExactly(
    file,
    (await readSafetensorsHeader(file)).tensors,
    method,
    encoder.trainables,
    model,
  );
  for (const [name, made] of await encodedTensors(method, encoder, tensors)) {
    if (relativeDifference(made, stored.tensors.get(name)!) <= encoderTolerance) continue;
    const problem = `is not what the encoder in ${encoderFile} makes`;
    throw new SoftpromptError('adapter-mismatch', { dir: stored.dir, tensor: name, problem });
  }
  return { method, tensors };
}

/** The same method, whose own tensors are trained. */
function direct({ encoder: _, ...method }: Method): Method {
  const { forRun } = method;
  return { ...method, ...(forRun && { forRun: (totalSteps) => direct(forRun(totalSteps)) }) };
}

/** Writes what training gave: PEFT's files and, where an encoder was trained, its tensors beside them. */
export async function writeTrained(dir: string, method: Method, trained: TrainedTensors): Promise<void> {
  const { encoder } = method;
  const stored = (tensors: TrainedTensors): Adapter => method.stored?.(tensors) ?? { method, tensors };
  if (encoder === undefined) return writeAdapter(dir, stored(trained));
  const tensors = await encodedTensors(method, encoder, trained);
  if (encoder.kept) {
    await writeSafetensors(join(dir, encoderFile), tensorData(encoder.trainables, trained), { format: 'pt' });
  }
  await writeAdapter(dir, stored(tensors));
}
