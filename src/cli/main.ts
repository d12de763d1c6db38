#!/usr/bin/env node
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { processEnvironment } from '../experiments/environment.ts';
import { exitStatus, reportOf } from './exitStatus.ts';
import { processTerminal } from './terminal.ts';

// Commands are imported when they run, so that --help and usage errors need no engine.

const terminal = processTerminal();
const env = processEnvironment();
const program = new Command('softprompt')
  .description('Train, compare and use soft prompts and other small adapters, without Python.')
  .exitOverride();

/** Runs a command and takes its exit status. */
function ending<A extends readonly unknown[]>(work: (...args: A) => Promise<number>): (...args: A) => Promise<void> {
  return async (...args) => {
    process.exitCode = await work(...args);
  };
}

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('It must be a whole number from 1.');
  return value;
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new InvalidArgumentError('It must be a number above 0.');
  return value;
}

const names = (text: string): readonly string[] => text.split(',').map((name) => name.trim());

function between(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (!(value >= low && value <= high)) throw new InvalidArgumentError(`It must be a number from ${low} to ${high}.`);
    return value;
  };
}

/** Bytes from `5GB`, `500MB` and the like, as transformers reads them; GiB and MiB count in powers of two. */
function bytes(text: string): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)\s*([KMGT]?i?)B$/i.exec(text.trim()) ?? [];
  if (amount === undefined) throw new InvalidArgumentError('It must be a size such as 5GB or 500MB.');
  const power = ['', 'k', 'm', 'g', 't'].indexOf(unit!.charAt(0).toLowerCase());
  return Number(amount) * (/i$/i.test(unit!) ? 1024 : 1000) ** power;
}

const device = ['--device <device>', 'auto, cpu, webgpu, ...'] as const;
const json = ['--json', 'one JSON object a line on standard output, and nothing else'] as const;
const set = ['--set <KEY=VALUE>', 'override a key of the experiment file (repeatable)'] as const;

program
  .command('train')
  .description('Train an experiment')
  .argument('<FILE.tune.yaml>')
  .option(...set, collect, [])
  .option(...device)
  .option('--output <DIR>', 'write the adapter there instead of into the library')
  .option('--resume <RUN>', 'go on with a stopped or killed run')
  .option(...json)
  .action(ending(async (file, options) => (await import('./train.ts')).train(file, options, terminal, env)));

program
  .command('sweep')
  .description("Train an experiment with all values of its sweep, rank them, and keep the best one's adapter")
  .argument('<FILE.tune.yaml>')
  .option(...set, collect, [])
  .option(...device)
  .option('--resume <SWEEP>', 'go on with a stopped or killed sweep')
  .option(...json)
  .action(ending(async (file, options) => (await import('./sweep.ts')).sweep(file, options, terminal, env)));

program
  .command('find-lr')
  .description('Train a few steps at each of some learning rates, and say which one to take')
  .argument('<FILE.tune.yaml>')
  .option(...set, collect, [])
  .option(...device)
  .option('--rates <N>', 'rates to try', positiveInteger, 9)
  .option('--steps <N>', 'steps at each', positiveInteger, 12)
  .option(...json)
  .action(ending(async (file, options) => (await import('./findRate.ts')).findRate(file, options, terminal)));

program
  .command('rerun')
  .description('Train a run again, as it was, and say whether it gives the same bytes')
  .argument('<RUN>')
  .option(...json)
  .action(ending(async (run, options) => (await import('./rerun.ts')).rerun(run, options, terminal)));

program
  .command('evaluate')
  .description('Compare adapters with the base model and the hard prompts on the test rows')
  .argument('<FILE.tune.yaml>')
  .requiredOption('--adapter <NAME|DIR>', 'NAME, NAME@VERSION or an adapter folder (repeatable)', collect)
  .option(...set, collect, [])
  .option(...device)
  .option(...json)
  .action(ending(async (file, options) => (await import('./evaluate.ts')).evaluate(file, options, terminal, env)));

program
  .command('report')
  .description('Write a run as one HTML page: losses, comparison, rows that changed, and what it was made with')
  .argument('<RUN|NAME>', "a run's id, or an experiment's name for its newest run")
  .requiredOption('--output <FILE>', 'the page to write')
  .option(...json)
  .action(ending(async (run, options) => (await import('./report.ts')).report(run, options, terminal)));

program
  .command('compare-methods')
  .description('Train the same rows with several methods under one budget, and compare scores, sizes and times')
  .argument('<FILE.tune.yaml>')
  .option('--methods <METHOD,...>', "e.g. PROMPT_TUNING,LORA; default: the file's and the usual ones", names)
  .option('--steps <N>', 'optimiser steps each may take', positiveInteger)
  .option('--seconds <S>', 'seconds of such steps each may take', positive)
  .option('--find-lr', 'search the learning rate of each first; default: what the file says, or what the method has')
  .addOption(new Option('--format <FORMAT>', 'of the table').choices(['markdown', 'csv', 'json']).default('markdown'))
  .option(...set, collect, [])
  .option(...device)
  .action(ending(async (file, options) => (await import('./compareMethods.ts')).compare(file, options, terminal, env)));

program
  .command('score')
  .description('Log-probabilities of the supervised tokens of rows that hold input_ids')
  .requiredOption('--model <DIR>', 'Hugging Face model directory')
  .option('--adapter <DIR>', 'adapter folder')
  .requiredOption('--data <FILE>', 'rows with input_ids and labels')
  .option(...device, 'auto')
  .option(...json)
  .action(ending(async (options) => (await import('./score.ts')).score(options, terminal)));

program
  .command('generate')
  .description('Continue a text or token ids')
  .requiredOption('--model <DIR>', 'Hugging Face model directory')
  .option('--adapter <DIR>', 'adapter folder')
  .option('--prompt <TEXT>', 'text to continue')
  .option('--input-ids <JSON>', 'token ids to continue, e.g. "[1, 2, 3]"')
  .option('--max-new-tokens <N>', 'longest continuation, tokens', positiveInteger, 64)
  .option('--ignore-eos', 'go on after an end token')
  .option('--temperature <T>', '0 takes the most likely token', between(0, 100), 0)
  .option('--top-p <P>', 'draw only from the most likely tokens of this total probability', between(0, 1), 1)
  .option('--seed <N>', 'seed of the draws', between(0, Number.MAX_SAFE_INTEGER), 42)
  .option(...device, 'auto')
  .option(...json)
  .action(ending(async (options) => (await import('./generate.ts')).generate(options, terminal)));

program
  .command('export')
  .description('Write an adapter for other programs')
  .requiredOption('--model <DIR>', 'Hugging Face model directory')
  .requiredOption('--adapter <NAME|DIR>', 'NAME, NAME@VERSION or an adapter folder')
  .requiredOption(
    '--format <FORMAT>',
    'peft: an adapter folder; gguf: a LORA for llama.cpp; onnx: the whole model with it',
  )
  .option('--dtype <TYPE>', 'f32, f16 or bf16: what the numbers are rounded to')
  .requiredOption('--output <PATH>', 'the folder (peft) or file to write')
  .option(...json)
  .action(ending(async (options) => (await import('./export.ts')).exportAs(options, terminal)));

program
  .command('merge')
  .description('Work an adapter into its base model: a model folder that needs no adapter')
  .requiredOption('--model <DIR>', 'Hugging Face model directory')
  .requiredOption('--adapter <NAME|DIR>', 'NAME, NAME@VERSION or an adapter folder')
  .requiredOption('--output <DIR>', 'folder to make')
  .option('--max-shard-size <SIZE>', 'largest weight file', bytes, bytes('5GB'))
  .option(...json)
  .action(ending(async (options) => (await import('./merge.ts')).merge(options, terminal, env)));

program
  .command('combine')
  .description('Combine LORA adapters, or IA3 adapters, of one model into one')
  .requiredOption('--model <DIR>', 'Hugging Face model directory')
  .requiredOption(
    '--adapter <NAME|DIR=WEIGHT>',
    'an adapter and its weight, which may be negative (repeatable)',
    collect,
  )
  .option('--method <METHOD>', 'exact (the sum itself), svd (the nearest to it of a rank), or one of PEFT', 'exact')
  .option('--rank <N>', 'rank that svd methods cut to; the largest of the adapters when absent', positiveInteger)
  .option('--density <D>', 'share of elements that ties, dare and magnitude_prune methods keep', between(0, 1))
  .option('--majority-sign <WAY>', 'how ties methods elect a sign: total or frequency', 'total')
  .option('--seed <N>', 'seed of what dare methods keep', between(0, Number.MAX_SAFE_INTEGER), 42)
  .option('--output <DIR>', 'folder to write the adapter to')
  .option('--name <NAME>', 'name in the library to save it under, as its next version')
  .option(...json)
  .action(ending(async (options) => (await import('./combine.ts')).combine(options, terminal, env)));

program
  .command('preview')
  .description('Show what an experiment would train, without training it')
  .argument('<FILE.tune.yaml>')
  .option(...set, collect, [])
  .option('--rows <N>', 'training rows whose tokens are shown', between(0, Number.MAX_SAFE_INTEGER), 3)
  .option(...json)
  .action(ending(async (file, options) => (await import('./preview.ts')).preview(file, options, terminal)));

program
  .command('check')
  .description('Check that an adapter and its training can be trusted: fails when something is wrong')
  .requiredOption('--adapter <NAME|DIR>', 'NAME, NAME@VERSION or an adapter folder')
  .option('--model <DIR>', "Hugging Face model directory; the adapter's own by default")
  .option('--experiment <FILE.tune.yaml>', 'the experiment it comes from, where its card does not say')
  .option('--data <FILE>', 'training rows in the place of its own')
  .option(...device, 'auto')
  .option(...json)
  .action(ending(async (options) => (await import('./check.ts')).check(options, terminal, env)));

program
  .command('devices')
  .description('What this machine can run on')
  .option(...json)
  .action(ending(async (options) => (await import('./devices.ts')).devices(options, terminal)));

program
  .command('doctor')
  .description('Check everything that training needs')
  .option(...json)
  .action(ending(async (options) => (await import('./doctor.ts')).doctor(options, terminal)));

program.parseAsync().catch((error: unknown) => {
  if (error instanceof CommanderError) {
    // Commander has said what is wrong; showing help was the request itself unless no command was given.
    process.exitCode = error.exitCode === 0 ? exitStatus.done : exitStatus.refused;
    return;
  }
  const { lines, status } = reportOf(error);
  for (const line of lines) terminal.note(line);
  process.exitCode = status;
});
