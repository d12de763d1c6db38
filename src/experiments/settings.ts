import { parse } from 'yaml';
import { knownKeys, type ObjectProblem, unknownKey } from './problems.ts';

/** A key given on the command line as `--set KEY=VALUE`. */
export interface Setting {
  readonly path: readonly string[];
  readonly value: unknown;
  /** As it was typed. */
  readonly text: string;
}

/** Reads `KEY=VALUE` with a dotted key and a value in YAML; null when it has no such form. */
export function parseSetting(text: string): Setting | null {
  const equals = text.indexOf('=');
  const path = text.slice(0, Math.max(equals, 0)).trim().split('.');
  if (equals < 1 || path.some((part) => part === '' || part === '__proto__')) return null;
  try {
    const value: unknown = parse(text.slice(equals + 1));
    return { path, value: value ?? null, text };
  } catch {
    return null;
  }
}

/**
 * The object with one key set, as a new object; null takes the key away. Mappings on the way are made when missing.
 */
export function withSetting(
  root: Readonly<Record<string, unknown>>,
  path: readonly string[],
  value: unknown,
): Record<string, unknown> {
  const [key, ...rest] = path as [string, ...string[]];
  const copy = { ...root };
  if (rest.length > 0) {
    const inner = Object.hasOwn(root, key) ? root[key] : undefined;
    copy[key] = withSetting(isMapping(inner) ? inner : {}, rest, value);
  } else if (value === null) {
    delete copy[key];
  } else {
    copy[key] = value;
  }
  return copy;
}

/** The problem of a key that the file cannot have, or null. Values are the schema's business. */
export function checkSettingKey(path: readonly string[]): ObjectProblem | null {
  for (let depth = 0; depth < path.length; depth++) {
    const known = knownKeys(path.slice(0, depth));
    const key = path[depth]!;
    if (known === null || (!known.open && !known.keys.includes(key))) return unknownKey(path.slice(0, depth), key);
  }
  return null;
}

/** Whether a path lies at or under one that was set. */
export function settingOf(settings: readonly Setting[], path: readonly PropertyKey[]): Setting | undefined {
  return settings.findLast((setting) => setting.path.every((part, i) => String(path[i]) === part));
}

/** Whether a parsed YAML value is a mapping. */
export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
