/**
 * What the sample experiments show, over three seeds: trains each soft prompt, and asks the base in every hard wording and
 * in the wording it was taught (a ceiling that a user does not have). Prints the Markdown table of samples/README.md.
 * Run: node scripts/sample/study.ts
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ArmResult } from '../../src/evaluation/result.ts';
import { engineEvaluation, openEachTime } from '../../src/experiments/engineEvaluation.ts';
import { trainingEngine } from '../../src/experiments/engineTraining.ts';
import { processEnvironment } from '../../src/experiments/environment.ts';
import { evaluateExperiment } from '../../src/experiments/evaluateExperiment.ts';
import { readExperiment } from '../../src/experiments/experimentFile.ts';
import { newRun, trainRun } from '../../src/experiments/trainExperiment.ts';
import { freshPlace } from '../../src/experiments/trainingPlace.ts';
import { experiments, type SampleExperiment } from './experiments.ts';
import { skillOf } from './mixture.ts';
import { promptOf } from './tasks/task.ts';

const seeds = [0, 1, 2];
const samples = join(import.meta.dirname, '../../samples');
const env = processEnvironment();
const never = new AbortController().signal;

/** One training and the comparison on the test rows. */
async function study(experiment: SampleExperiment, seed: number, store: string) {
  const known = promptOf(skillOf(experiment.skill).instructions[0]!, `{{${experiment.columns.input}}}`);
  const settings = [`training.seed=${seed}`, 'training.device=cpu'];
  const baseline = `evaluation.baselines.known.prompt=${JSON.stringify(known)}`;
  const loaded = await readExperiment(join(samples, `${experiment.name}.tune.yaml`), [...settings, baseline]);
  const run = await newRun(store, loaded, env);
  let adapter = '';
  let seconds = 0;
  for await (const event of trainRun(trainingEngine(freshPlace), run, null, never, env)) {
    if (event.event === 'done') ({ adapter, seconds } = event);
  }
  const request = { store, loaded, adapters: [{ label: 'soft prompt', dir: adapter }], runId: null };
  const events = evaluateExperiment(engineEvaluation(openEachTime, env), request, never, env);
  let next = await events.next();
  while (!next.done) next = await events.next();
  return { seconds, arms: next.value.arms };
}

/** 'greedy / ranked' for a closed set, else greedy alone. */
function score({ metrics }: ArmResult): string {
  const figures = [metrics.exact_match, metrics.accuracy].filter((figure) => figure != null);
  return figures.map((figure) => figure.toFixed(3).replace(/^0/, '')).join(' / ');
}

const store = await mkdtemp(join(tmpdir(), 'softprompt-study-'));
try {
  for (const experiment of experiments) {
    const columns: string[][] = [];
    for (const seed of seeds) {
      const { seconds, arms } = await study(experiment, seed, store);
      if (columns.length === 0) columns.push(['', '---', ...arms.map(({ name }) => name), 'training, s']);
      columns.push([`seed ${seed}`, '---', ...arms.map(score), seconds.toFixed(0)]);
    }
    console.log(`\n**${experiment.name}**\n`);
    for (const i of columns[0]!.keys()) console.log(`| ${columns.map((column) => column[i]).join(' | ')} |`);
  }
} finally {
  await rm(store, { recursive: true, force: true });
}
