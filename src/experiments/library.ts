import { createReadStream, existsSync, statSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { methodNameOf } from '../checkpoint/adapterFolder.ts';
import { isJsonObject, type JsonObject } from '../checkpoint/json.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import { writeFileAtomic } from '../foundation/files.ts';
import { type PeftType, peftTypes } from '../methods/method.ts';
import { appendAudit } from './audit.ts';
import type { Environment } from './environment.ts';
import type { AdapterCard } from './records.ts';
import { subfolders } from './store.ts';

/** One version of an adapter in the library. */
export interface AdapterEntry {
  readonly name: string;
  readonly version: number;
  /** Absolute folder. */
  readonly dir: string;
  /** PEFT's name of the method, or BOTTLENECK for AdapterHub's (of a set: of its members, with ` + ` between); null when adapter_config.json cannot be read. */
  readonly peftType: string | null;
  /** Why it can be looked at and not used, in a sentence; null for one that can be used. */
  readonly readOnly: string | null;
  /** Number of virtual tokens; null for methods that have none. */
  readonly virtualTokens: number | null;
  /** Size of the tensors on disk. */
  readonly bytes: number;
  /** Where it comes from; null when the card is missing or cannot be read. */
  readonly card: AdapterCard | null;
}

/** An adapter somebody asked for by name or folder. */
export interface ResolvedAdapter {
  /** `NAME VERSION` for one of the library, else the folder's name. */
  readonly label: string;
  /** Absolute folder. */
  readonly dir: string;
}

/** Every version of every adapter, by name, newest version first. */
export async function listAdapters(store: string): Promise<AdapterEntry[]> {
  const entries = subfolders(adaptersFolder(store)).flatMap((name) =>
    versionsOf(store, name).map((version) => readEntry(store, name, version)),
  );
  return Promise.all(entries);
}

/** The version number that the next adapter of this name gets. */
export function nextVersion(store: string, name: string): number {
  return (versionsOf(store, name)[0] ?? 0) + 1;
}

/**
 * Moves a finished adapter folder (PEFT's files, flushed, on the same file system as the store) into the library as
 * the next version of its name, with its card: a reader sees the whole version or none of it.
 */
export async function saveAdapterVersion(
  store: string,
  from: string,
  card: Omit<AdapterCard, 'version'>,
): Promise<{ readonly dir: string; readonly version: number }> {
  const { name } = card;
  await mkdir(join(adaptersFolder(store), name), { recursive: true });
  for (;;) {
    const version = nextVersion(store, name);
    const dir = versionFolder(store, name, version);
    await writeCard(from, { ...card, version });
    try {
      await rename(from, dir);
      return { dir, version };
    } catch (error) {
      // Another process took this version in between: its folder is there and not empty.
      if (!existsSync(dir)) throw error;
    }
  }
}

/** Copies a finished adapter folder's files to any folder, each atomically, PEFT's config last; makes the folder. */
export async function exportAdapter(from: string, to: string, card: AdapterCard): Promise<void> {
  await mkdir(to, { recursive: true });
  const isConfig = (file: string): number => Number(file === 'adapter_config.json');
  const files = (await readdir(from, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const names = files.map((file) => relative(from, join(file.parentPath, file.name)));
  for (const file of names.sort((a, b) => isConfig(a) - isConfig(b))) {
    await mkdir(dirname(join(to, file)), { recursive: true });
    await writeFileAtomic(join(to, file), createReadStream(join(from, file)) as AsyncIterable<Buffer>);
  }
  await writeCard(to, card);
}

/** Deletes one version and says so in the audit log. @throws 'adapter-unknown' */
export async function deleteAdapter(
  store: string,
  name: string,
  version: number,
  env: Pick<Environment, 'now' | 'user'>,
): Promise<void> {
  const dir = versionFolder(store, name, version);
  if (!existsSync(dir)) throw unknownAdapter(store, `${name}@${version}`);
  // Out of sight in one step, so that no reader sees half a folder.
  const doomed = join(adaptersFolder(store), name, `.deleted-${version}`);
  await rename(dir, doomed);
  await rm(doomed, { recursive: true });
  await appendAudit(store, { action: 'deleted', adapter: `${name}@${version}` }, env);
}

/** The card of an adapter folder; null when it has none (an adapter from elsewhere). @throws 'file-unreadable' */
export async function readCard(dir: string): Promise<AdapterCard | null> {
  const file = join(dir, 'card.json');
  if (!existsSync(file)) return null;
  try {
    return JSON.parse(await readFile(file, 'utf8')) as AdapterCard;
  } catch (error) {
    throw new SoftpromptError('file-unreadable', { file, problem: (error as Error).message }, { cause: error });
  }
}

/** Rewrites an adapter's card with some fields changed; does nothing for a folder without a card. */
export async function updateCard(dir: string, changes: Partial<AdapterCard>): Promise<void> {
  const card = await readCard(dir);
  if (card !== null) await writeCard(dir, { ...card, ...changes });
}

/**
 * The adapter that a person means by NAME (its newest version), NAME@VERSION or a folder relative to `cwd`.
 * @throws 'adapter-unknown'
 */
export function resolveAdapter(store: string, reference: string, cwd: string): ResolvedAdapter {
  const at = /^(.+)@(\d+)$/.exec(reference);
  const name = at?.[1] ?? reference;
  const version = at === null ? versionsOf(store, name)[0] : Number(at[2]);
  if (version !== undefined && versionsOf(store, name).includes(version)) {
    return { label: `${name} ${version}`, dir: versionFolder(store, name, version) };
  }
  const dir = resolve(cwd, reference);
  if (!existsSync(dir) || !statSync(dir).isDirectory()) throw unknownAdapter(store, reference);
  return { label: labelOf(store, dir), dir };
}

/** The label of an adapter folder: `NAME VERSION` when it is one of the library's, else the folder's name. */
export function labelOf(store: string, dir: string): string {
  const folder = resolve(dir);
  return isInLibrary(store, folder) ? `${basename(dirname(folder))} ${basename(folder)}` : basename(folder);
}

/** Whether a folder is a version of the library. */
export function isInLibrary(store: string, dir: string): boolean {
  const folder = resolve(dir);
  return folder === versionFolder(resolve(store), basename(dirname(folder)), Number(basename(folder)));
}

async function readEntry(store: string, name: string, version: number): Promise<AdapterEntry> {
  const dir = versionFolder(store, name, version);
  const config = await readConfig(dir);
  const card = await readCard(dir).catch(() => null);
  const bytes = await tensorBytes(dir);
  return {
    name,
    version,
    dir,
    peftType: membersOf(config).join(' + ') || null,
    readOnly: readOnlyReason(config, bytes),
    virtualTokens: typeof config.num_virtual_tokens === 'number' ? config.num_virtual_tokens : null,
    bytes,
    card,
  };
}

async function readConfig(dir: string): Promise<JsonObject> {
  try {
    const config: unknown = JSON.parse(await readFile(join(dir, 'adapter_config.json'), 'utf8'));
    return typeof config === 'object' && config !== null ? (config as JsonObject) : {};
  } catch {
    return {};
  }
}

/** PEFT's name of a folder's method, or those of the members of a set; none where there is none. */
function membersOf(config: JsonObject): readonly string[] {
  const { adapters } = config;
  const members = config.peft_type === 'UNION' && Array.isArray(adapters) ? adapters : [];
  if (members.length > 0) return members.flatMap((member) => (isJsonObject(member) ? String(member.peft_type) : []));
  const name = methodNameOf(config);
  return name === null ? [] : [name];
}

function readOnlyReason(config: JsonObject, bytes: number): string | null {
  const names = membersOf(config);
  if (bytes === 0) return 'Its folder holds no tensors, so nothing can be done with it.';
  if (names.length === 0) return 'Its adapter_config.json cannot be read, so nothing can be done with it.';
  const unknown = names.find((name) => !peftTypes.includes(name as PeftType));
  return unknown === undefined
    ? null
    : `${unknown} is a method that Softprompt does not know: the folder is left as it is.`;
}

/** Size of an adapter folder's safetensors files. */
export async function tensorBytes(dir: string): Promise<number> {
  const files = (await readdir(dir, { recursive: true })).filter((file) => file.endsWith('.safetensors'));
  // A link that leads nowhere is a file without bytes.
  const sizeOf = (file: string) =>
    stat(join(dir, file)).then(
      ({ size }) => size,
      () => 0,
    );
  const sizes = await Promise.all(files.map(sizeOf));
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function writeCard(dir: string, card: AdapterCard): Promise<void> {
  await writeFileAtomic(join(dir, 'card.json'), `${JSON.stringify(card, null, 2)}\n`);
}

function unknownAdapter(store: string, reference: string): SoftpromptError<'adapter-unknown'> {
  const known = subfolders(adaptersFolder(store)).filter((name) => versionsOf(store, name).length > 0);
  return new SoftpromptError('adapter-unknown', { adapter: reference, store, known });
}

/** Newest first. */
function versionsOf(store: string, name: string): number[] {
  return subfolders(join(adaptersFolder(store), name))
    .filter((folder) => /^[1-9]\d*$/.test(folder))
    .map(Number)
    .sort((a, b) => b - a);
}

const adaptersFolder = (store: string): string => join(store, 'adapters');
const versionFolder = (store: string, name: string, version: number): string =>
  join(adaptersFolder(store), name, String(version));
