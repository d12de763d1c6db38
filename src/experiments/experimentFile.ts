import { readFile } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { isMap, isScalar, LineCounter, type Node, type Pair, parseDocument } from 'yaml';
import { SoftpromptError } from '../foundation/errors.ts';
import { fileError } from '../foundation/files.ts';
import { describeIssues, type ObjectProblem, type Problem } from './problems.ts';
import { type Experiment, experimentSchema } from './schema.ts';
import { checkSettingKey, isMapping, parseSetting, type Setting, settingOf, withSetting } from './settings.ts';
import { type SweepAxis, sweepAxes } from './sweepSection.ts';

/** The end of every experiment file's name. */
export const experimentSuffix = '.tune.yaml';

/** A read experiment. */
export interface LoadedExperiment {
  /** Absolute path of the file. */
  readonly file: string;
  /** The file's name without `.tune.yaml`; also the name of the adapters it makes. */
  readonly name: string;
  /** With absolute paths: what the engine works on. */
  readonly experiment: Experiment;
  /** After overrides, with defaults, paths as written: what is kept with the run and on the adapter's card. */
  readonly effective: Experiment;
  /** After overrides, without defaults: what other values can be set in. */
  readonly written: Readonly<Record<string, unknown>>;
}

/** Either an experiment or everything that is wrong with it. */
export type ParsedExperiment =
  | { readonly loaded: LoadedExperiment; readonly problems: readonly [] }
  | { readonly loaded: null; readonly problems: readonly Problem[] };

/** Larger files are no experiments; keeps a wrong path from filling the memory. */
const maxCharacters = 1_000_000;

/**
 * Reads an experiment file; `overrides` are `KEY=VALUE` texts of `--set`, whose paths too are relative to the file.
 * @throws 'file-missing', 'file-unreadable', 'setting-invalid'; 'experiment-invalid' with all problems at once
 */
export async function readExperiment(file: string, overrides: readonly string[] = []): Promise<LoadedExperiment> {
  const path = resolve(file);
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw fileError(path, error, 'the experiment');
  });
  const parsed = parseExperiment(text, path, overrides);
  if (parsed.loaded === null)
    throw new SoftpromptError('experiment-invalid', { file: path, problems: parsed.problems });
  return parsed.loaded;
}

/** Whether an experiment file has a sweep; false for one that cannot be read, whatever else is wrong with it. */
export async function hasSweep(file: string): Promise<boolean> {
  try {
    const text = await readFile(file, 'utf8');
    if (text.length > maxCharacters) return false;
    const root: unknown = parseDocument(text).toJS();
    return isMapping(root) && isMapping(root.sweep);
  } catch {
    return false;
  }
}

/**
 * Parses the text of an experiment file that lies (or will lie) at the absolute path `file`.
 * @throws 'setting-invalid' when an override is at fault rather than the file
 */
export function parseExperiment(text: string, file: string, overrides: readonly string[] = []): ParsedExperiment {
  const lines = new LineCounter();
  const fail = (message: string, offset = 0): ParsedExperiment => {
    const { line, col } = lines.linePos(offset);
    return { loaded: null, problems: [{ message, line: Math.max(line, 1), column: Math.max(col, 1), key: '' }] };
  };
  if (/^\.*$/.test(nameOf(file))) return fail('runs and adapters are named after the file; call it NAME.tune.yaml');
  if (text.length > maxCharacters) return fail(`is larger than an experiment can be (${maxCharacters} characters)`);

  let root: unknown;
  let document: ReturnType<typeof parseDocument>;
  try {
    document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
    const errors = document.errors.map((error) => placed({ ...at(lines, error.pos[0]), message: error.message }));
    if (errors.length > 0) return { loaded: null, problems: errors };
    root = document.toJS();
    JSON.stringify(root);
  } catch (error) {
    return fail(error instanceof RangeError ? 'is nested too deeply' : `cannot be read: ${(error as Error).message}`);
  }
  if (root === null) return fail('is empty; start with model, data and method');
  if (!isMapping(root)) return fail('is not a mapping of keys to values; start with "model: ..."');

  const settings = overrides.map(readSetting);
  const written = settings.reduce<Readonly<Record<string, unknown>>>(
    (object, { path, value }) => withSetting(object, path, value),
    root,
  );
  const checked = checkExperiment(written);
  if (checked.experiment === null) {
    for (const problem of checked.problems) refuseSetting(settings, problem);
    return {
      loaded: null,
      problems: checked.problems.map((problem) =>
        placed({
          ...at(lines, offsetOf(document.contents, problem)),
          message: problem.message,
          key: problem.path.join('.'),
        }),
      ),
    };
  }
  return { loaded: loadedFrom(checked.experiment, written, file), problems: [] };
}

/** An experiment that was kept: what `LoadedExperiment.effective` or `written` holds, and the file it came from. */
export function restoreExperiment(kept: unknown, file: string): LoadedExperiment {
  const checked = checkExperiment(kept);
  if (checked.experiment !== null) {
    return loadedFrom(checked.experiment, kept as Readonly<Record<string, unknown>>, file);
  }
  const problems = checked.problems.map(({ message, path }) => ({ message, line: 1, column: 1, key: path.join('.') }));
  throw new SoftpromptError('experiment-invalid', { file, problems });
}

/** What the experiment, its runs and its adapters are called. */
function nameOf(file: string): string {
  return basename(file).replace(/\.tune\.ya?ml$/i, '');
}

function loadedFrom(effective: Experiment, written: LoadedExperiment['written'], file: string): LoadedExperiment {
  return {
    file,
    name: nameOf(file),
    experiment: withAbsolutePaths(effective, dirname(file)),
    effective,
    written,
  };
}

type Checked =
  | { readonly experiment: Experiment; readonly problems: readonly [] }
  | { readonly experiment: null; readonly problems: readonly ObjectProblem[] };

/** Validates the object, then every value of its sweep in the place it is meant for. */
function checkExperiment(object: unknown): Checked {
  const parsed = experimentSchema.safeParse(object);
  if (!parsed.success) return { experiment: null, problems: describeIssues(parsed.error.issues, object) };
  const problems = sweepAxes(parsed.data.sweep ?? {}).flatMap((axis) =>
    checkSweep(object as Record<string, unknown>, axis),
  );
  return problems.length > 0 ? { experiment: null, problems } : { experiment: parsed.data, problems: [] };
}

function checkSweep(object: Record<string, unknown>, { key, values }: SweepAxis): ObjectProblem[] {
  const path = key.split('.');
  const unknown = path[0] === 'sweep' ? 'a sweep cannot sweep itself' : checkSettingKey(path)?.message;
  if (unknown !== undefined) return [{ path: ['sweep', key], message: unknown, at: 'key' }];
  const tried = 'min' in values ? Object.entries({ min: values.min, max: values.max }) : [...values.entries()];
  return tried.flatMap(([i, value]) => {
    const swept = withSetting(withSetting(object, ['sweep'], null), path, value);
    const result = experimentSchema.safeParse(swept);
    const issues = result.success ? [] : describeIssues(result.error.issues, swept);
    return issues.map(({ message }): ObjectProblem => ({ path: ['sweep', key, i], message, at: 'value' }));
  });
}

function readSetting(text: string): Setting {
  const setting = parseSetting(text);
  if (setting === null) throw new SoftpromptError('setting-invalid', { setting: text, problem: 'is not KEY=VALUE' });
  const unknown = checkSettingKey(setting.path);
  if (unknown !== null) throw new SoftpromptError('setting-invalid', { setting: text, problem: unknown.message });
  return setting;
}

function refuseSetting(settings: readonly Setting[], { path, message }: ObjectProblem): void {
  const setting = settingOf(settings, path);
  if (setting === undefined) return;
  throw new SoftpromptError('setting-invalid', { setting: setting.text, problem: message });
}

function withAbsolutePaths(e: Experiment, folder: string): Experiment {
  const absolute = (path: string): string => resolve(folder, path);
  const { train, validation, test, ...data } = e.data;
  const { unlikelihood } = e.training;
  return {
    ...e,
    model: absolute(e.model),
    data: {
      ...data,
      train: absolute(train),
      ...(validation !== undefined && { validation: absolute(validation) }),
      ...(test !== undefined && { test: absolute(test) }),
    },
    evaluation: {
      ...e.evaluation,
      custom_metrics: Object.fromEntries(
        Object.entries(e.evaluation.custom_metrics).map(([name, file]) => [name, absolute(file)]),
      ),
      guard: Object.fromEntries(
        Object.entries(e.evaluation.guard).map(([name, guard]) => [name, { ...guard, data: absolute(guard.data) }]),
      ),
    },
    training: {
      ...e.training,
      ...(unlikelihood?.data !== undefined && {
        unlikelihood: { ...unlikelihood, data: absolute(unlikelihood.data) },
      }),
    },
    method: e.method.init_from === undefined ? e.method : { ...e.method, init_from: absolute(e.method.init_from) },
  };
}

function at(lines: LineCounter, offset: number): { line: number; column: number } {
  const { line, col } = lines.linePos(offset);
  return { line, column: col };
}

function placed(problem: Omit<Problem, 'key'> & { key?: string }): Problem {
  return { key: '', ...problem, line: Math.max(problem.line, 1), column: Math.max(problem.column, 1) };
}

/** Offset of the node a problem is about; for a missing key, of the mapping that lacks it. */
function offsetOf(contents: unknown, { path, at: part }: ObjectProblem): number {
  let node = contents as Node | null;
  let offset = node?.range?.[0] ?? 0;
  for (const [depth, step] of path.entries()) {
    const pair: Pair<unknown, unknown> | undefined = isMap(node)
      ? node.items.find((item) => String(isScalar(item.key) ? item.key.value : item.key) === String(step))
      : undefined;
    const last = depth === path.length - 1;
    const next = (pair?.value ?? (node as { get?(key: unknown, keep: true): unknown } | null)?.get?.(step, true)) as
      | Node
      | null
      | undefined;
    const keyOffset = (pair?.key as Node | undefined)?.range?.[0];
    if (last && part === 'key' && keyOffset !== undefined) return keyOffset;
    const valueOffset = next?.range?.[0] ?? keyOffset;
    if (valueOffset === undefined) return offset;
    offset = keyOffset !== undefined && !last ? keyOffset : valueOffset;
    node = next ?? null;
  }
  return offset;
}
