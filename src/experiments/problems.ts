import type { z } from 'zod';
import { nearest } from '../foundation/nearest.ts';
import { tuneJsonSchema } from './schema.ts';

/** One thing wrong with an experiment file, at its place. Lines and columns count from 1. */
export interface Problem {
  readonly message: string;
  readonly line: number;
  readonly column: number;
  /** Dotted key, e.g. `training.learning_rate`; empty for the file as a whole. */
  readonly key: string;
}

/** A problem before it is placed: where in the object, and whether a key (rather than its value) is at fault. */
export interface ObjectProblem {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly at: 'key' | 'value';
}

interface SchemaNode {
  readonly type?: unknown;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly oneOf?: readonly SchemaNode[];
  readonly items?: SchemaNode;
  readonly additionalProperties?: boolean | SchemaNode;
}

let root: SchemaNode | undefined;

/** The keys the schema knows under a path, and whether others are allowed there too; null where nothing is known. */
export function knownKeys(path: readonly PropertyKey[]): { keys: readonly string[]; open: boolean } | null {
  root ??= tuneJsonSchema() as SchemaNode;
  let nodes: readonly SchemaNode[] = [root];
  for (const part of path) {
    nodes = nodes
      .flatMap((node) => node.oneOf ?? [node])
      .flatMap((node) => {
        if (typeof part === 'number') return node.items ?? [];
        const known = node.properties?.[String(part)];
        if (known !== undefined) return [known];
        return typeof node.additionalProperties === 'object' ? [node.additionalProperties] : [];
      });
  }
  nodes = nodes.flatMap((node) => node.oneOf ?? [node]);
  if (nodes.length === 0) return null;
  return {
    keys: [...new Set(nodes.flatMap((node) => Object.keys(node.properties ?? {})))],
    // A schema without a type (a key of PEFT's own) takes anything.
    open: nodes.some(
      (node) => node.type === undefined || (node.type === 'object' && node.additionalProperties !== false),
    ),
  };
}

/** Says that a key is unknown, with the nearest one the schema knows at that place. */
export function unknownKey(path: readonly PropertyKey[], key: string): ObjectProblem {
  // The key itself is among them where another method has it.
  const near = nearest(
    key,
    (knownKeys(path)?.keys ?? []).filter((known) => known !== key),
  );
  const hint = near === null ? '' : `; did you mean "${near}"?`;
  return { path: [...path, key], message: `unknown key "${key}"${hint}`, at: 'key' };
}

/** Puts what zod found into words; `value` is the object it looked at. */
export function describeIssues(issues: readonly z.core.$ZodIssue[], value: unknown): ObjectProblem[] {
  return issues.flatMap((issue) => describeIssue(issue, value));
}

function describeIssue(issue: z.core.$ZodIssue, value: unknown): ObjectProblem[] {
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(issue.path, key));
  const found = valueAt(value, issue.path);
  const problem = (message: string): ObjectProblem[] => [{ path: issue.path, message, at: 'value' }];
  if (issue.code === 'custom') return problem(issue.message);
  if (found === undefined) return problem(`${expectation(issue)} is missing`);
  return problem(`expected ${expectation(issue)}, found ${show(found)}`);
}

function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return typeNames[issue.expected] ?? issue.expected;
    case 'invalid_value':
      return oneOf(issue.values);
    case 'invalid_union':
      if ('options' in issue && issue.options !== undefined) return oneOf(issue.options);
      return issue.errors.map((errors) => (errors[0] === undefined ? 'a value' : expectation(errors[0]))).join(' or ');
    case 'too_small':
      return isCount(issue.origin)
        ? `at least ${issue.minimum} ${units[issue.origin]}`
        : `a number ${issue.inclusive === false ? 'greater than' : 'of at least'} ${issue.minimum}`;
    case 'too_big':
      return isCount(issue.origin)
        ? `at most ${issue.maximum} ${units[issue.origin]}`
        : `a number ${issue.inclusive === false ? 'less than' : 'of at most'} ${issue.maximum}`;
    default:
      return 'another value';
  }
}

const typeNames: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping (key: value lines)',
  record: 'a mapping (key: value lines)',
};

const units = { string: 'character(s)', array: 'item(s)' } as const;

function isCount(origin: string): origin is keyof typeof units {
  return Object.hasOwn(units, origin);
}

function oneOf(values: readonly unknown[]): string {
  return `one of ${values.map(String).join(', ')}`;
}

function show(value: unknown): string {
  if (value === null) return 'nothing (leave the key out instead)';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}

/** The value at a path, or undefined. */
export function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let here = value;
  for (const part of path) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, part)) return undefined;
    here = (here as Record<PropertyKey, unknown>)[part];
  }
  return here;
}
