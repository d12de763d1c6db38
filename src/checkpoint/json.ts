/**
 * JSON as the formats here need it, which JSON.parse cannot give: repeated keys stay visible, integers stay apart from
 * floats and exact beyond 2^53, keys such as `__proto__` are ordinary, nesting is bounded.
 */

/** A parsed document. An integer literal is a bigint; any other number (a point, an exponent, `-0`) a number. */
export type JsonNode = null | boolean | string | bigint | number | readonly JsonNode[] | JsonEntries;

/** An object as written: its entries in the order of the text, repeated keys included. */
export interface JsonEntries {
  readonly entries: readonly (readonly [key: string, value: JsonNode])[];
}

/** A document as ordinary values: numbers are numbers, the last of repeated keys counts, objects have no prototype. */
export type JsonValue = null | boolean | string | number | readonly JsonValue[] | JsonObject;
/** An object of such values. */
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** What is wrong with a text and where; lines and columns count from 1. */
export class JsonSyntaxError extends Error {
  readonly line: number;
  readonly column: number;

  constructor(problem: string, text: string, position: number) {
    super(problem);
    this.name = 'JsonSyntaxError';
    const before = text.slice(0, position);
    this.line = before.split('\n').length;
    this.column = position - before.lastIndexOf('\n');
  }
}

/** Objects and arrays inside each other; serde_json (and so the safetensors library) stops at the same depth. */
const maximumDepth = 127;

const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

/**
 * Parses a JSON text (RFC 8259) strictly; lone surrogates in strings are refused.
 * @param python also take the literals NaN, Infinity and -Infinity, which Python's json module writes
 * @throws JsonSyntaxError
 */
export function parseJson(text: string, { python = false } = {}): JsonNode {
  const space = /[ \t\n\r]*/y;
  const plain = /[ !#-[\]-\u{10ffff}]*/uy;
  const number = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
  const hex = /[0-9a-fA-F]{4}/y;
  const literal = python ? /true|false|null|NaN|-?Infinity/y : /true|false|null/y;
  let at = 0;

  function fail(problem: string, position = at): never {
    throw new JsonSyntaxError(problem, text, position);
  }

  function take(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match !== null) at = pattern.lastIndex;
    return match;
  }

  function expect(character: string): void {
    if (text[at] !== character) {
      fail(at < text.length ? `expected ${character}, found ${JSON.stringify(text[at])}` : 'the text ends too early');
    }
    at += 1;
  }

  function string(): string {
    const start = at;
    expect('"');
    let value = '';
    for (;;) {
      value += take(plain)?.[0] ?? '';
      const next = text[at];
      if (next === undefined) fail('a string does not end');
      if (next === '"') break;
      if (next !== '\\') fail('a control character in a string');
      at += 1;
      const letter = text[at] ?? '';
      at += 1;
      if (letter === 'u') {
        const code = take(hex) ?? fail('a \\u escape needs four hexadecimal digits');
        value += String.fromCharCode(Number.parseInt(code[0], 16));
      } else {
        value += (Object.hasOwn(escapes, letter) ? escapes[letter] : undefined) ?? fail('an unknown escape', at - 2);
      }
    }
    at += 1;
    if (!value.isWellFormed()) fail('half of a surrogate pair', start);
    return value;
  }

  function object(depth: number): JsonEntries {
    const entries: [string, JsonNode][] = [];
    at += 1;
    take(space);
    if (text[at] !== '}') {
      for (;;) {
        take(space);
        const key = string();
        take(space);
        expect(':');
        entries.push([key, value(depth)]);
        if (text[at] !== ',') break;
        at += 1;
      }
    }
    expect('}');
    return { entries };
  }

  function array(depth: number): readonly JsonNode[] {
    const items: JsonNode[] = [];
    at += 1;
    take(space);
    if (text[at] !== ']') {
      for (;;) {
        items.push(value(depth));
        if (text[at] !== ',') break;
        at += 1;
      }
    }
    expect(']');
    return items;
  }

  function scalar(): JsonNode {
    const word = take(literal)?.[0];
    if (word !== undefined) {
      if (word === 'null') return null;
      return word === 'true' || word === 'false' ? word === 'true' : Number(word);
    }
    const digits = take(number) ?? fail(at < text.length ? 'expected a value' : 'the text ends too early');
    const [source, fraction, exponent] = digits;
    return fraction === undefined && exponent === undefined && source !== '-0' ? BigInt(source) : Number(source);
  }

  /** One value with the white space around it. */
  function value(depth: number): JsonNode {
    take(space);
    const first = text[at];
    const nested = first === '{' || first === '[';
    if (nested && depth === maximumDepth) fail(`more than ${maximumDepth} levels of nesting`);
    const result =
      first === '{' ? object(depth + 1) : first === '[' ? array(depth + 1) : first === '"' ? string() : scalar();
    take(space);
    return result;
  }

  const result = value(0);
  if (at < text.length) fail('something follows the end of the document');
  return result;
}

/** Whether a node is an object. */
export function isEntries(node: JsonNode): node is JsonEntries {
  return typeof node === 'object' && node !== null && !Array.isArray(node);
}

/** Whether a value is an object. */
export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The document as ordinary values. */
export function plainJson(node: JsonNode): JsonValue {
  if (typeof node === 'bigint') return Number(node);
  if (typeof node !== 'object' || node === null) return node;
  if (!isEntries(node)) return node.map(plainJson);
  const object: Record<string, JsonValue> = Object.create(null);
  for (const [key, value] of node.entries) object[key] = plainJson(value);
  return object;
}

/**
 * Text as Python's `json.dumps(value, indent=2, sort_keys=True)` lays it out (non-ASCII characters as they are):
 * the form of every adapter_config.json. NaN and infinities are written as Python writes them.
 * @param floats keys whose numbers are floats to Python, which tells 4.0 from 4
 */
export function pythonJson(value: JsonValue, floats: ReadonlySet<string> = new Set()): string {
  const laidOut = (item: JsonValue, key: string, indent: string): string => {
    if (typeof item === 'number' && !Number.isFinite(item)) return String(item);
    if (Number.isSafeInteger(item) && floats.has(key)) return `${item}.0`;
    if (typeof item !== 'object' || item === null) return JSON.stringify(item);
    const inner = `${indent}  `;
    if (!isJsonObject(item)) {
      if (item.length === 0) return '[]';
      return `[\n${item.map((one) => inner + laidOut(one, '', inner)).join(',\n')}\n${indent}]`;
    }
    const keys = Object.keys(item).sort();
    if (keys.length === 0) return '{}';
    const lines = keys.map((name) => `${inner}${JSON.stringify(name)}: ${laidOut(item[name]!, name, inner)}`);
    return `{\n${lines.join(',\n')}\n${indent}}`;
  };
  return laidOut(value, '', '');
}
