import { methodNameOf } from '../checkpoint/adapterFolder.ts';
import type { JsonObject } from '../checkpoint/json.ts';
import { openTokenizer } from '../checkpoint/tokenizer.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import { Random } from '../foundation/random.ts';
import { readAdapter } from '../methods/adapter.ts';
import type { Method, TrainedTensors } from '../methods/method.ts';
import { configureMethod } from '../methods/table.ts';
import { continued } from '../methods/trainedAdapter.ts';
import type { Model } from '../models/model.ts';
import type { Experiment } from './schema.ts';

/** The configured method as it will be stored, and how to make the first tensors of what it trains. */
export async function startingPoint(
  experiment: Experiment,
  model: Model,
): Promise<{ method: Method; initial: () => Promise<TrainedTensors> }> {
  const { init_from: from, ...given } = experiment.method;
  const config = given as JsonObject;
  if (from === undefined) {
    const method = configureMethod(config, model);
    const random = Random.of(experiment.training.seed, 'init');
    const needsText = [config, ...membersOf(config)].some(({ prompt_tuning_init }) => prompt_tuning_init === 'TEXT');
    const tokenizer = needsText ? await openTokenizer(model.dir) : null;
    const encode = tokenizer && ((text: string) => tokenizer.encode(text, { addSpecialTokens: true }));
    return { method, initial: () => method.initialise({ model, random, encode }) };
  }
  const stored = await readAdapter(from, model);
  const asked = configureMethod(goingOn(from, stored.method.config, config), model);
  const other = otherTensor(stored.method, asked) ?? otherTensor(asked, stored.method);
  if (other !== null) {
    const problem = `does not hold the tensors that the experiment's method trains (${other})`;
    throw new SoftpromptError('adapter-unusable', { dir: from, problem });
  }
  const { method, tensors } = await continued(stored, asked, model);
  return { method, initial: async () => tensors };
}

/** What an adapter goes on as: its own configuration with what the experiment gives. */
function goingOn(dir: string, stored: JsonObject, given: JsonObject): JsonObject {
  const own: JsonObject = { ...stored, peft_type: methodNameOf(stored) };
  for (const key of ['peft_type', 'num_virtual_tokens', 'projection_prng_key']) {
    if (given[key] !== undefined && given[key] !== own[key]) {
      const problem = `has ${key} ${String(own[key])}, but the experiment asks for ${String(given[key])}`;
      throw new SoftpromptError('adapter-unusable', { dir, problem });
    }
  }
  const [before, now] = [membersOf(stored), membersOf(given)];
  if (before.length !== now.length) {
    const problem = `has ${before.length} methods, but the experiment asks for ${now.length}`;
    throw new SoftpromptError('adapter-unusable', { dir, problem });
  }
  // What is planned over the steps of a run is planned anew.
  const { total_step: _, ...kept } = stored;
  if (before.length === 0) return { ...kept, ...given };
  return { ...kept, ...given, methods: before.map((member, i) => goingOn(dir, member, now[i]!)) };
}

/** The configurations of a union's members. */
function membersOf({ methods }: JsonObject): readonly JsonObject[] {
  return (methods ?? []) as readonly JsonObject[];
}

/** A tensor that one of two methods has and the other has not, or in another shape. */
function otherTensor(one: Method, other: Method): string | null {
  const named = ({ trainables }: Method) => trainables.map(({ name, dims }) => `${name} [${dims.join(', ')}]`);
  const known = new Set(named(other));
  return named(one).find((tensor) => !known.has(tensor)) ?? null;
}
