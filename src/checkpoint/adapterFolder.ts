import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SoftpromptError } from '../foundation/errors.ts';
import { fileError, writeFileAtomic } from '../foundation/files.ts';
import { isJsonObject, type JsonObject, pythonJson } from './json.ts';
import { readJsonObject } from './jsonFile.ts';
import { pickleFile } from './modelFolder.ts';
import { readSafetensorsHeader, type TensorInfo } from './safetensors.ts';
import { type TensorData, writeSafetensors } from './tensorWriting.ts';

/** Who wrote an adapter: PEFT, or AdapterHub's `adapters`. */
export type AdapterFormat = 'peft' | 'adapterhub';

/** An adapter as it lies on disk, whatever its method. */
export interface AdapterFolder {
  /** The folder that holds the files, which may be a sub-folder of the one that was asked for. */
  readonly dir: string;
  readonly format: AdapterFormat;
  /** adapter_config.json, keys that nobody here knows included. */
  readonly config: JsonObject;
  /** By the name in the file; AdapterHub's of the model's head among them, which lie in a file of their own. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
}

/** The model's head that was trained with an adapter, which AdapterHub keeps in files of its own. */
export interface AdapterHead {
  /** head_config.json. */
  readonly config: JsonObject;
  /** Names of its tensors. */
  readonly names: readonly string[];
}

const configName = 'adapter_config.json';
const weightsName = {
  peft: 'adapter_model.safetensors',
  adapterhub: 'adapter.safetensors',
} as const satisfies Record<AdapterFormat, string>;

const headConfigName = 'head_config.json';
/** AdapterHub's name of a head's tensors, and another that is read too. */
const headWeightsNames = ['model_head.safetensors', 'head.safetensors'] as const;

/** Keys of AdapterHub's configurations that must be floats in the file: it refuses `"scaling": 4`. */
const floatKeys: ReadonlySet<string> = new Set(['dropout', 'phm_init_range', 'scaling', 'stochastic_depth']);

/**
 * What adapter_config.json calls a set of adapters that act together. Its `adapters` say in which sub-folders they lie; each
 * is a whole adapter of its own. PEFT has no such form and refuses the file; it reads the sub-folders.
 */
const setType = 'UNION';

/** What a tensor of one adapter of a set is called in the set. */
export function setTensor(adapter: string, tensor: string): string {
  return `${adapter}/${tensor}`;
}

/**
 * Reads an adapter's folder; tensors are found, not read. A set is one adapter, with its members' configurations as
 * `methods`. PEFT saves an adapter that has a name of its own in a
 * sub-folder of that name: a folder with one such sub-folder stands for it.
 * @throws SoftpromptError adapter-unusable, file-missing, json-invalid, safetensors-invalid
 */
export async function readAdapterFolder(dir: string): Promise<AdapterFolder> {
  const { path, names } = await findFolder(dir);
  const config = await readJsonObject(join(path, configName));
  if (config.peft_type === setType) return readSet(path, config);
  const format = formatOf(path, config);
  const weights = weightsName[format];
  if (!names.has(weights)) throw withoutWeights(path, names, weights);
  const { tensors } = await readSafetensorsHeader(join(path, weights));
  const head = format === 'adapterhub' ? headWeightsNames.find((name) => names.has(name)) : undefined;
  if (head === undefined) return { dir: path, format, config, tensors };
  const { tensors: ofHead } = await readSafetensorsHeader(join(path, head));
  return { dir: path, format, config, tensors: new Map([...ofHead, ...tensors]) };
}

/**
 * Writes an adapter's folder as the library does whose configuration it is: PEFT's adapter_model.safetensors, or
 * AdapterHub's adapter.safetensors and, with a head, its two files; adapter_config.json with sorted keys. A folder is an
 * adapter from the moment its adapter_config.json is there, which is written last.
 * @param heads what AdapterHub keeps apart: of the adapter or, for a set, of each member
 */
export async function writeAdapterFolder(
  dir: string,
  config: JsonObject,
  tensors: readonly TensorData[],
  heads: readonly (AdapterHead | undefined)[] = [],
): Promise<void> {
  await rm(join(dir, configName), { force: true });
  if (config.peft_type === setType) return writeSet(dir, config, tensors, heads);
  if (isAdapterHub(config)) await writeAdapterHub(dir, tensors, heads[0]);
  else await writeSafetensors(join(dir, weightsName.peft), tensors, { format: 'pt' });
  await writeFileAtomic(join(dir, configName), pythonJson(config, isAdapterHub(config) ? floatKeys : undefined));
}

/** The method of an adapter_config.json: PEFT's name of it, or AdapterHub's architecture; null when it says none. */
export function methodNameOf(config: JsonObject): string | null {
  if (typeof config.peft_type === 'string') return config.peft_type;
  if (!isAdapterHub(config)) return null;
  // A string is the name of one of AdapterHub's presets for bottleneck adapters, or of another architecture's.
  const { architecture = null } = isJsonObject(config.config) ? config.config : {};
  return architecture === null || architecture === 'bottleneck' ? 'BOTTLENECK' : `AdapterHub's ${String(architecture)}`;
}

async function writeAdapterHub(dir: string, tensors: readonly TensorData[], head?: AdapterHead): Promise<void> {
  const inHead = ({ name }: TensorData) => head?.names.includes(name) ?? false;
  await writeSafetensors(
    join(dir, weightsName.adapterhub),
    tensors.filter((tensor) => !inHead(tensor)),
  );
  if (head === undefined) return;
  await writeSafetensors(join(dir, headWeightsNames[0]), tensors.filter(inHead));
  await writeFileAtomic(join(dir, headConfigName), pythonJson(head.config));
}

async function readSet(dir: string, config: JsonObject): Promise<AdapterFolder> {
  const methods: JsonObject[] = [];
  const tensors = new Map<string, TensorInfo>();
  for (const name of setNames(dir, config)) {
    const member = await readAdapterFolder(join(dir, name));
    if (member.config.peft_type === setType) throw unusableSet(dir, `holds another set, ${name}`);
    methods.push(member.config);
    for (const [tensor, info] of member.tensors) tensors.set(setTensor(name, tensor), info);
  }
  return { dir, format: 'peft', config: { ...config, methods }, tensors };
}

async function writeSet(
  dir: string,
  config: JsonObject,
  tensors: readonly TensorData[],
  heads: readonly (AdapterHead | undefined)[],
): Promise<void> {
  const { methods, ...own } = config;
  for (const [i, name] of setNames(dir, config).entries()) {
    const start = setTensor(name, '');
    const members = tensors.flatMap((tensor) =>
      tensor.name.startsWith(start) ? [{ ...tensor, name: tensor.name.slice(start.length) }] : [],
    );
    await mkdir(join(dir, name), { recursive: true });
    await writeAdapterFolder(join(dir, name), (methods as readonly JsonObject[])[i]!, members, [heads[i]]);
  }
  await writeFileAtomic(join(dir, configName), pythonJson(own));
}

/** The names of a set's sub-folders, which shall lead nowhere else. */
function setNames(dir: string, { adapters }: JsonObject): readonly string[] {
  const names = (Array.isArray(adapters) ? adapters : []).map((entry) => (isJsonObject(entry) ? entry.name : null));
  const plain = names.filter((name) => typeof name === 'string' && /^\w[\w.-]*$/.test(name)) as string[];
  if (plain.length === 0 || plain.length < names.length || new Set(plain).size < plain.length) {
    throw unusableSet(dir, `its ${configName} does not name the folders of its adapters`);
  }
  return plain;
}

function unusableSet(dir: string, problem: string): SoftpromptError {
  return new SoftpromptError('adapter-unusable', { dir, problem });
}

interface FoundFolder {
  readonly path: string;
  readonly names: ReadonlySet<string>;
}

async function findFolder(dir: string): Promise<FoundFolder> {
  const failed = (error: unknown) => {
    throw fileError(dir, error, 'an adapter folder');
  };
  const entries = await readdir(dir, { withFileTypes: true }).catch(failed);
  const names = new Set(entries.map((entry) => entry.name));
  if (names.has(configName)) return { path: dir, names };
  const inside: FoundFolder[] = [];
  for (const entry of entries.filter((e) => e.isDirectory())) {
    const path = join(dir, entry.name);
    const found = new Set(await readdir(path).catch(failed));
    if (found.has(configName)) inside.push({ path, names: found });
  }
  const [only, ...others] = inside;
  if (only !== undefined && others.length === 0) return only;
  throw new SoftpromptError(
    'adapter-unusable',
    only === undefined
      ? { dir, problem: `is no adapter folder (it has no ${configName})`, todo: 'Give the folder that has one.' }
      : { dir, problem: 'holds several adapters', todo: `Give one of ${inside.map(({ path }) => path).join(', ')}.` },
  );
}

/**
 * Both libraries name the file alike; PEFT's has `peft_type`, AdapterHub's `config`: an object, or the name of a preset. Its
 * `version` has had several forms and may be missing.
 */
function isAdapterHub({ peft_type: type, config }: JsonObject): boolean {
  return typeof type !== 'string' && config !== undefined && (isJsonObject(config) || typeof config === 'string');
}

function formatOf(dir: string, config: JsonObject): AdapterFormat {
  if (typeof config.peft_type === 'string') return 'peft';
  if (isAdapterHub(config)) return 'adapterhub';
  throw new SoftpromptError('adapter-unusable', {
    dir,
    problem: `its ${configName} has no peft_type, so its method is not known`,
  });
}

function withoutWeights(dir: string, names: ReadonlySet<string>, weights: string): SoftpromptError {
  const pickle = [...names].find((name) => pickleFile.test(name));
  return new SoftpromptError(
    'adapter-unusable',
    pickle === undefined
      ? { dir, problem: `has no ${weights}` }
      : {
          dir,
          problem: `holds its tensors as ${pickle}, a pickle file, which can run code when it is read and is never opened`,
          todo: `Load it where it was made and save it with safe_serialization=True, which writes ${weights}.`,
        },
  );
}
