import { setTensor } from '../checkpoint/adapterFolder.ts';
import { ModelConfig } from '../checkpoint/config.ts';
import type { JsonObject } from '../checkpoint/json.ts';
import type { TrainableSpec } from '../models/attachment.ts';
import type { Model } from '../models/model.ts';
import type { Hooks } from '../models/sites.ts';
import { peftTaskTypes } from '../models/task.ts';
import type { Value } from '../onnx/dims.ts';
import type { FactorPair, Method, MethodFactory, StoredCopy, TrainedTensors } from './method.ts';
import type { Reparametrisation } from './promptEncoder.ts';
import { type Member, within } from './unionMember.ts';
import { unionTraining } from './unionTraining.ts';

/**
 * Several methods that act and are trained together, in the order of the list: where two change the same layer, the later
 * one changes what the earlier one made. At most one may put virtual tokens before a text. A module that two members train
 * whole, as a classification's head, is one tensor, and each member's folder holds it. Ours, not PEFT's: a set of PEFT
 * folders (`checkpoint/adapterFolder.ts`).
 * @throws SoftpromptError config-key
 */
export function unionOf(config: JsonObject, model: Model, source: string, configure: MethodFactory): Method {
  const members = membersOf(new ModelConfig(source, config), model, configure);
  const methods = members.map(({ method }) => method);
  const before = methods.find(({ virtualTokens }) => virtualTokens > 0);
  const suffix = methods.find(({ suffixTokens = 0 }) => suffixTokens > 0)?.suffixTokens;
  const encoder = encoderOf(members);
  const rates = members.flatMap(({ method, name, rate }) =>
    rate === undefined ? [] : trainedNames(method).map((tensor) => [setTensor(name, tensor), rate] as const),
  );
  return {
    peftType: 'UNION',
    structure: `UNION ${JSON.stringify(members.map(({ name, method }) => [name, method.structure]))}`,
    virtualTokens: before?.virtualTokens ?? 0,
    virtualHidden: before?.virtualHidden ?? false,
    ...(suffix !== undefined && { suffixTokens: suffix }),
    virtualOnly: methods.every(({ virtualOnly }) => virtualOnly),
    partialGradient: methods.some(({ partialGradient }) => partialGradient),
    members: methods,
    rates: new Map(rates),
    trainables: members.flatMap((member) => own(member, member.method.trainables)),
    ...(encoder !== null && { encoder }),
    copies: members.flatMap(copiesOf),
    derived: new Map(
      members.flatMap(({ name, method }) =>
        [...(method.derived ?? [])].map(([tensor, made]) => [setTensor(name, tensor), made] as const),
      ),
    ),
    ...pairsOf(members, ({ method }) => method),
    biases: members.flatMap(({ name, method }) => (method.biases ?? []).map((tensor) => setTensor(name, tensor))),
    wholeWeights: members.flatMap(({ name, method, shared }) =>
      (method.wholeWeights ?? [])
        .filter((whole) => !shared.has(whole.name))
        .map((whole) => ({ ...whole, name: setTensor(name, whole.name) })),
    ),
    merged: `its members are merged one after the other: give their folders (${members.map(({ name }) => name).join(', ')})`,
    hooks: (trained, b) => together(members.map((member) => member.method.hooks(within(member, trained), b))),
    ...unionTraining(members, (methods) => unionOf({ ...config, methods: [...methods] }, model, source, configure)),
    config: {
      ...config,
      task_type: peftTaskTypes[model.task],
      adapters: members.map(({ name, method, rate }) => ({
        name,
        peft_type: method.peftType,
        ...(rate !== undefined && { learning_rate: rate }),
      })),
      methods: methods.map((method) => method.config),
    },
    initialise: async (context) => {
      const first = new Map<string, Float32Array>();
      for (const { name, method, shared } of members) {
        for (const [tensor, values] of await method.initialise(context)) {
          if (!shared.has(tensor)) first.set(setTensor(name, tensor), values);
        }
      }
      return first;
    },
  };
}

function membersOf(options: ModelConfig, model: Model, configure: MethodFactory): readonly Member[] {
  const sections = options.objects('methods');
  const stored = options.optionalObjects('adapters') ?? [];
  if (sections.length < 2) throw options.invalid('methods', 'has fewer than two methods; what is alone needs no union');
  const members: Member[] = [];
  const owners = new Map<string, string>();
  for (const [i, section] of sections.entries()) {
    const { learning_rate: _, ...config } = section.json;
    if (config.peft_type === 'UNION') throw options.invalid('methods', 'holds a union inside a union');
    const method = configure(config, model, section.file);
    const name = stored[i]?.string('name') ?? freeName(method, members);
    const rate = section.optionalNumber('learning_rate') ?? stored[i]?.optionalNumber('learning_rate');
    const shared = new Map<string, string>();
    for (const { weight, name: tensor } of method.wholeWeights ?? []) {
      const owner = owners.get(weight);
      if (owner === undefined) owners.set(weight, setTensor(name, tensor));
      else shared.set(tensor, owner);
    }
    members.push({ name, method, rate, shared });
  }
  for (const key of ['virtualTokens', 'suffixTokens'] as const) {
    const standing = members.filter(({ method }) => (method[key] ?? 0) > 0);
    if (standing.length < 2) continue;
    const names = standing.map(({ name }) => name).join(' and ');
    throw options.invalid('methods', `puts virtual tokens in one place twice: by ${names}`);
  }
  return members;
}

/** A folder's name for a method: `lora`, or `lora-2` for the second one. */
function freeName({ peftType }: Method, members: readonly Member[]): string {
  const count = members.filter(({ method }) => method.peftType === peftType).length;
  return `${peftType.toLowerCase()}${count === 0 ? '' : `-${count + 1}`}`;
}

/** A member's tensors under their names in the union, but for those that are an earlier member's. */
function own({ name, shared }: Member, specs: readonly TrainableSpec[]): readonly TrainableSpec[] {
  return specs.flatMap((spec) => (shared.has(spec.name) ? [] : [{ ...spec, name: setTensor(name, spec.name) }]));
}

/** Names of what is trained of a method, or in its place. */
function trainedNames({ trainables, encoder }: Method): readonly string[] {
  return (encoder?.trainables ?? trainables).map(({ name }) => name);
}

function encoderOf(members: readonly Member[]): Reparametrisation | null {
  if (members.every(({ method }) => method.encoder === undefined)) return null;
  return {
    kept: members.every(({ method: { encoder } }) => encoder?.kept ?? true),
    trainables: members.flatMap((member) => own(member, member.method.encoder?.trainables ?? member.method.trainables)),
    ...pairsOf(members, ({ method }) => method.encoder ?? method),
    encode: (b, trained) => {
      const made = new Map<string, Value>();
      for (const member of members) {
        const given = within(member, trained);
        for (const [tensor, value] of member.method.encoder?.encode(b, given) ?? given) {
          if (!member.shared.has(tensor)) made.set(setTensor(member.name, tensor), value);
        }
      }
      return made;
    },
  };
}

function copiesOf({ name, method, shared }: Member): readonly StoredCopy[] {
  const dims = new Map(method.trainables.map((spec) => [spec.name, spec.dims] as const));
  return [
    ...(method.copies ?? []).map((copy) => ({ ...copy, name: setTensor(name, copy.name) })),
    ...[...shared].map(([tensor, owner]) => ({
      name: setTensor(name, tensor),
      of: owner,
      dims: dims.get(tensor)!,
      read: async (trained: TrainedTensors) => trained.get(owner)!,
    })),
  ];
}

type Pairs = Pick<Method, 'factorPairs' | 'embeddingPairs'>;

/** The pairs of factors of all members; none where no member has any. */
function pairsOf(members: readonly Member[], pairs: (member: Member) => Pairs): Pairs {
  const all = (key: keyof Pairs): Pairs => {
    const named = members.flatMap((member) =>
      (pairs(member)[key] ?? []).map((pair): FactorPair => {
        return { ...pair, a: setTensor(member.name, pair.a), b: setTensor(member.name, pair.b) };
      }),
    );
    return members.some((member) => pairs(member)[key] !== undefined) ? { [key]: named } : {};
  };
  return { ...all('factorPairs'), ...all('embeddingPairs') };
}

/** Each hook, as a method that has it gives it. */
type Given = { [Key in keyof Hooks]-?: NonNullable<Hooks[Key]> };

/** How hooks of several methods make one. */
const joined: { readonly [Key in keyof Given]: (all: readonly Given[Key][]) => Given[Key] } = {
  virtualTokens: ([only]) => only!,
  suffixTokens: ([only]) => only!,
  keyValue: ([only]) => only!,
  weight: (all) => (name) => onlyOne(name, new Set(all.flatMap((hook) => hook(name) ?? []))),
  linearInput: (all) => (b, site, x) => all.reduce((input, hook) => hook(b, site, input), x),
  linear: (all) => (b, site, x, y, parameters) => all.reduce((out, hook) => hook(b, site, x, out, parameters), y),
  embedding: (all) => (b, site, ids, y, parameters) =>
    all.reduce((out, hook) => hook(b, site, ids, out, parameters), y),
  subBlock: (all) => (b, site, residual, output, end) =>
    all.reduceRight<typeof end>((then, hook) => (out) => hook(b, site, residual, out, then), end)(output),
};

function together(all: readonly Partial<Given>[]): Hooks {
  const made: Partial<Given> = {};
  const join = <Key extends keyof Given>(key: Key): void => {
    const given: Given[Key][] = [];
    for (const hooks of all) {
      const hook: Given[Key] | undefined = hooks[key];
      if (hook !== undefined) given.push(hook);
    }
    if (given.length > 0) made[key] = joined[key](given);
  };
  for (const key of Object.keys(joined) as (keyof Given)[]) join(key);
  return made;
}

/** A weight that several members train is one tensor, since each of them names it in `wholeWeights`. */
function onlyOne(name: string, values: ReadonlySet<Value>): Value | undefined {
  if (values.size > 1) throw new Error(`two members give ${name} a tensor of their own`);
  return [...values][0];
}
