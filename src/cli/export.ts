import { join, relative, resolve } from 'node:path';
import { type ExportReport, exportAdapterAs, exportFormats, exportTypes } from '../experiments/exporting.ts';
import { resolveAdapter } from '../experiments/library.ts';
import { findStore } from '../experiments/store.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import { LanguageModel } from '../inference/languageModel.ts';
import { adapterUse } from '../methods/adapterUse.ts';
import { exitStatus } from './exitStatus.ts';
import { interruptible } from './interrupt.ts';
import type { Terminal } from './terminal.ts';

/** Options of `softprompt export`. */
export interface ExportOptions {
  readonly model: string;
  readonly adapter: string;
  readonly format: string;
  readonly dtype?: string;
  readonly output: string;
  readonly json?: boolean;
}

/** Writes an adapter for other programs, then says what was written and what it changed. */
export async function exportAs(options: ExportOptions, terminal: Terminal): Promise<number> {
  const { format, dtype } = options;
  if (!isOneOf(exportFormats, format)) throw unknown('--format', format, exportFormats);
  const types = Object.keys(exportTypes) as (keyof typeof exportTypes)[];
  if (dtype !== undefined && !isOneOf(types, dtype)) throw unknown('--dtype', dtype, types);
  const store = findStore(join(process.cwd(), 'adapter'), process.cwd());
  const { dir } = resolveAdapter(store, options.adapter, process.cwd());
  const language = await LanguageModel.open(resolve(options.model), 'cpu', await adapterUse(dir));
  try {
    const type = dtype === undefined ? null : exportTypes[dtype];
    const output = resolve(options.output);
    const report = await interruptible(
      () => terminal.note('\nStopping.'),
      (signal) => exportAdapterAs({ language, adapter: dir, format, type, output, signal }),
    );
    if (options.json === true) terminal.out(JSON.stringify(asJson(report)));
    else for (const line of lines(report)) terminal.out(line);
  } finally {
    await language.close();
  }
  return exitStatus.done;
}

function asJson({ format, files, bytes, change }: ExportReport): object {
  const { positions, largest, meanKl } = change;
  return { format, files, bytes, logits: { positions, largest_change: largest, mean_kl: meanKl } };
}

function lines({ files, bytes, change }: ExportReport): readonly string[] {
  const { positions, largest, meanKl } = change;
  return [
    ...files.map((file) => `Wrote ${shortPath(file)}`),
    `${bytes.toLocaleString('en')} bytes`,
    `Logits at ${positions} positions of random tokens: largest change ${largest.toPrecision(3)}, mean KL ${meanKl.toPrecision(3)} nats`,
  ];
}

function shortPath(file: string): string {
  const path = relative(process.cwd(), file);
  return path.startsWith('..') ? file : path;
}

function isOneOf<T extends string>(known: readonly T[], word: string): word is T {
  return (known as readonly string[]).includes(word);
}

function unknown(option: string, word: string, known: readonly string[]): SoftpromptError {
  return new SoftpromptError('option-invalid', { option, problem: `"${word}" is none of ${known.join(', ')}` });
}
