import type { TensorInfo } from '../checkpoint/safetensors.ts';
import { readFloat32 } from '../checkpoint/tensorReading.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import type { Model } from '../models/model.ts';
import type { Method } from './method.ts';

/**
 * The tensors of an AdapterHub folder under the names that the method gives them, without those that say nothing of their
 * own. A file may come from another class of the same model, with or without the path of the model's base before its names;
 * `adapter_norm_before` is in it twice; a head may be missing, where the model's own counts, or may be the model's own.
 * @throws SoftpromptError adapter-mismatch for a head that is another than the model's, or of AdapterHub's own
 */
export async function adapterHubTensors(
  dir: string,
  found: ReadonlyMap<string, TensorInfo>,
  method: Method,
  model: Model,
): Promise<Map<string, TensorInfo>> {
  const declared = new Set(method.trainables.map(({ name }) => name));
  const taken = new Map<string, TensorInfo>();
  const twins = new Map<string, TensorInfo>();
  for (const [name, info] of found) {
    const twin = name.replace(/\.adapter_down\.0\.(weight|bias)$/, '.adapter_norm_before.$1');
    const own = ownName(name, declared);
    if (own !== undefined) taken.set(own, info);
    else if (ownName(twin, declared) !== undefined) twins.set(ownName(twin, declared)!, info);
    else if (!(await isModelHead(dir, name, info, model))) taken.set(name, info);
  }
  for (const [name, info] of twins) if (!taken.has(name)) taken.set(name, info);
  for (const name of method.head?.names ?? []) {
    const checkpoint = model.weights.tensors.get(name);
    if (!(method.head?.names ?? []).some((one) => found.has(one)) && checkpoint !== undefined)
      taken.set(name, checkpoint);
  }
  return taken;
}

/** The declared name that a name in a file means: the same, or the same without or with the path of the model's base. */
function ownName(name: string, declared: ReadonlySet<string>): string | undefined {
  if (declared.has(name)) return name;
  if (!name.includes('.adapters.')) return undefined;
  return [...declared].find((one) => one.endsWith(`.${name}`) || name.endsWith(`.${one}`));
}

/** What AdapterHub's own model classes call the heads that they bring. */
const flexibleHead = /^heads\./;

/** Whether a tensor is the language model's own head, which AdapterHub stores beside every adapter. */
async function isModelHead(dir: string, name: string, info: TensorInfo, model: Model): Promise<boolean> {
  if (flexibleHead.test(name)) {
    const problem = "belongs to a head of AdapterHub's own model classes, which is not supported";
    throw new SoftpromptError('adapter-mismatch', { dir, tensor: name, problem });
  }
  const { architecture, task, weights } = model;
  if (architecture.kind === 'encoder' || task === 'seq_cls' || !name.startsWith(`${architecture.headModule}.`))
    return false;
  const tied = name.endsWith('.weight') ? weights.tensors.get(`${architecture.tokenEmbedding.path}.weight`) : undefined;
  const own = weights.tensors.get(name) ?? tied;
  if (own === undefined) return false;
  const [stored, expected] = [await readFloat32(info), await readFloat32(own)];
  if (stored.length === expected.length && stored.every((x, i) => x === expected[i])) return true;
  const problem = `is not the one of ${model.name}: adapters with a language-model head of their own are not supported`;
  throw new SoftpromptError('adapter-mismatch', { dir, tensor: name, problem });
}
