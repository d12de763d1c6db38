import { join } from 'node:path';
import { SoftpromptError } from '../foundation/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from './json.ts';
import { readJsonObject } from './jsonFile.ts';
import { listModelFolder } from './modelFolder.ts';

/** A key of the file, or the names it goes by in different architectures; the first that is there counts. */
export type ConfigKey = string | readonly string[];

/**
 * A config.json with typed access. A key that is missing or null falls back to the default; without a default it is an
 * error that names file and key, as is a value of the wrong type. The `optional` getters give undefined instead.
 */
export class ModelConfig {
  readonly file: string;
  /** The whole document. */
  readonly json: JsonObject;
  /** Where `json` lies in the file, for errors: empty, or `text_config.` and the like. */
  readonly #path: string;

  constructor(file: string, json: JsonObject, path = '') {
    this.file = file;
    this.json = json;
    this.#path = path;
  }

  number(key: ConfigKey, fallback?: number): number {
    return this.optionalNumber(key) ?? fallback ?? this.#missing(key, 'a number');
  }

  /** A number without a fraction. */
  integer(key: ConfigKey, fallback?: number): number {
    return this.optionalInteger(key) ?? fallback ?? this.#missing(key, 'a whole number');
  }

  /** How many there are of something: a whole number from 1 to `most`. */
  count(key: ConfigKey, fallback?: number, most = Number.MAX_SAFE_INTEGER): number {
    const value = this.integer(key, fallback);
    if (value < 1 || value > most) {
      const name = this.#find(key)?.name ?? String(key);
      throw this.invalid(name, `is ${value}; it must be ${value < 1 ? 'at least 1' : `at most ${most}`}`);
    }
    return value;
  }

  string(key: ConfigKey, fallback?: string): string {
    return this.optionalString(key) ?? fallback ?? this.#missing(key, 'a string');
  }

  boolean(key: ConfigKey, fallback?: boolean): boolean {
    return this.optionalBoolean(key) ?? fallback ?? this.#missing(key, 'a boolean');
  }

  /** A nested object, as a config of its own. */
  object(key: ConfigKey): ModelConfig {
    return this.optionalObject(key) ?? this.#missing(key, 'an object');
  }

  optionalNumber(key: ConfigKey): number | undefined {
    return this.#read(key, 'a number', (value) => typeof value === 'number');
  }

  optionalInteger(key: ConfigKey): number | undefined {
    return this.#read(key, 'a whole number', (value) => Number.isSafeInteger(value));
  }

  optionalString(key: ConfigKey): string | undefined {
    return this.#read(key, 'a string', (value) => typeof value === 'string');
  }

  optionalBoolean(key: ConfigKey): boolean | undefined {
    return this.#read(key, 'a boolean', (value) => typeof value === 'boolean');
  }

  optionalObject(key: ConfigKey): ModelConfig | undefined {
    const value: JsonObject | undefined = this.#read(key, 'an object', isJsonObject);
    return value === undefined
      ? undefined
      : new ModelConfig(this.file, value, `${this.#path}${this.#find(key)?.name}.`);
  }

  optionalNumbers(key: ConfigKey): readonly number[] | undefined {
    return this.#read(key, 'a list of numbers', (value) => isListOf(value, 'number'));
  }

  optionalStrings(key: ConfigKey): readonly string[] | undefined {
    return this.#read(key, 'a list of strings', (value) => isListOf(value, 'string'));
  }

  /** A list of objects, each as a config of its own. */
  objects(key: ConfigKey): readonly ModelConfig[] {
    return this.optionalObjects(key) ?? this.#missing(key, 'a list of objects');
  }

  optionalObjects(key: ConfigKey): readonly ModelConfig[] | undefined {
    const isList = (value: JsonValue) => Array.isArray(value) && value.every(isJsonObject);
    const values: readonly JsonObject[] | undefined = this.#read(key, 'a list of objects', isList);
    const name = this.#find(key)?.name;
    return values?.map((value, i) => new ModelConfig(this.file, value, `${this.#path}${name}.${i}.`));
  }

  /** The value as it stands, null included; undefined when the key is missing. */
  raw(key: string): JsonValue | undefined {
    return this.json[key];
  }

  /** An error about a key of this file, for checks that need more than a type. */
  invalid(key: string, problem: string): SoftpromptError {
    return new SoftpromptError('config-key', { file: this.file, key: this.#path + key, problem });
  }

  #find(key: ConfigKey): { name: string; value: JsonValue } | undefined {
    for (const name of typeof key === 'string' ? [key] : key) {
      const value = this.json[name];
      if (value !== undefined && value !== null) return { name, value };
    }
    return undefined;
  }

  #read<T extends JsonValue>(key: ConfigKey, type: string, is: (value: JsonValue) => boolean): T | undefined {
    const found = this.#find(key);
    if (found === undefined) return undefined;
    if (is(found.value)) return found.value as T;
    throw this.invalid(found.name, `is ${JSON.stringify(found.value)?.slice(0, 60)}; ${type} is expected`);
  }

  #missing(key: ConfigKey, type: string): never {
    const [first, ...others] = typeof key === 'string' ? [key] : key;
    const also = others.length === 0 ? '' : ` (also read: ${others.join(', ')})`;
    throw this.invalid(first ?? '', `is missing; ${type} is expected${also}`);
  }
}

function isListOf(value: JsonValue, type: 'number' | 'string'): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === type);
}

/**
 * Reads a model folder's config.json.
 * @throws SoftpromptError checkpoint-unusable (an adapter's folder), file-missing, json-invalid
 */
export async function readConfig(dir: string): Promise<ModelConfig> {
  await listModelFolder(dir);
  const file = join(dir, 'config.json');
  return new ModelConfig(file, await readJsonObject(file, 'a Hugging Face model folder has one'));
}
