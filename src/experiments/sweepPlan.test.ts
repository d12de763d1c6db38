import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseExperiment } from './experimentFile.ts';
import { type SweepPlan, sweepJobs, sweepPlan } from './sweepPlan.ts';

const file = '/w/a.tune.yaml';
const text = (sweep: string) =>
  `model: m\ndata: {train: t.jsonl}\nmethod: {peft_type: LORA}\ntraining: {seed: 5}\nsweep: ${sweep}\n`;

function planOf(sweep: string): SweepPlan {
  const { loaded, problems } = parseExperiment(text(sweep), file);
  assert.deepEqual(problems, []);
  return sweepPlan(loaded!.experiment);
}

/** The jobs of a plan as `combination@rung`, with a loss for each combination that its steps do not change. */
function jobsOf(plan: SweepPlan, lossOf: (combination: number) => number): string[] {
  const jobs = sweepJobs(plan);
  const done: string[] = [];
  for (let next = jobs.next(); !next.done; next = jobs.next(lossOf(next.value.combination))) {
    done.push(`${next.value.combination}@${next.value.rung}`);
  }
  return done;
}

test('a grid is every combination, the last key fastest, each with every seed', () => {
  const plan = planOf('{method.r: [2, 4], training.learning_rate: [0.1, 0.2, 0.3], seeds: [1, 2]}');
  assert.equal(plan.combinations.length, 6);
  assert.deepEqual(plan.combinations[1], { 'method.r': 2, 'training.learning_rate': 0.2 });
  assert.deepEqual(plan.combinations[3], { 'method.r': 4, 'training.learning_rate': 0.1 });
  assert.deepEqual(plan.seeds, [1, 2]);
  assert.deepEqual(
    jobsOf(plan, () => 1),
    ['0@0', '1@0', '2@0', '3@0', '4@0', '5@0'],
  );
});

test('draws are those of the seed, within their range and each another one', () => {
  const sweep = '{strategy: random, max_runs: 40, training.learning_rate: {min: 1.0e-4, max: 1, scale: log}}';
  const rates = planOf(sweep).combinations.map((one) => one['training.learning_rate'] as number);
  assert.equal(new Set(rates).size, 40);
  assert.ok(rates.every((rate) => rate >= 1e-4 && rate <= 1));
  const small = rates.filter((rate) => rate < 1e-2).length;
  assert.ok(small > 10 && small < 30, `${small} of 40 in the lower half of the logarithms`);
  assert.deepEqual(planOf(sweep).combinations, planOf(sweep).combinations);
  const few = planOf('{strategy: random, max_runs: 40, method.r: {min: 1, max: 6, integer: true}}');
  assert.deepEqual(few.combinations.map((one) => one['method.r']).sort(), [1, 2, 3, 4, 5, 6]);
});

test('asha sends on the best third of a rung, the highest rung first', () => {
  const plan = planOf('{strategy: asha, max_runs: 9, training.learning_rate: {min: 1.0e-4, max: 1, scale: log}}');
  assert.deepEqual(plan.rungs, [1 / 9, 1 / 3, 1]);
  // Combination 0 is the best: it goes on as soon as it is one of three.
  const jobs = jobsOf(plan, (combination) => combination);
  assert.deepEqual(jobs.slice(0, 4), ['0@0', '1@0', '2@0', '0@1']);
  assert.ok(jobs.includes('0@2'));
  assert.equal(jobs.filter((job) => job.endsWith('@0')).length, 9);
  assert.equal(jobs.filter((job) => job.endsWith('@1')).length, 3);
  assert.equal(jobs.filter((job) => job.endsWith('@2')).length, 1);
});

test('asha sends on none that failed, and trains one to the end whatever happens', () => {
  const plan = planOf('{strategy: asha, max_runs: 3, training.learning_rate: {min: 1.0e-4, max: 1, scale: log}}');
  assert.deepEqual(
    jobsOf(plan, () => 1),
    ['0@0', '1@0', '2@0', '0@1', '0@2'],
  );
  assert.deepEqual(jobsOf(plan, () => Number.POSITIVE_INFINITY).slice(0, 3), ['0@0', '1@0', '2@0']);
});

for (const [sweep, problem] of [
  ['{method.r: {min: 1, max: 8}}', /sweep.method.r is a range, which goes with strategy random or asha/],
  ['{strategy: random, method.r: [1, 2]}', /sweep.strategy random needs max_runs/],
  ['{max_runs: 3, method.r: [1, 2]}', /sweep.max_runs goes with strategy random or asha only/],
  ['{seeds: [1, 2]}', /has nothing to try/],
  ['{seeds: [1, 1], method.r: [1, 2]}', /names a seed twice/],
  ['{seeds: [1, 2], training.seed: [3]}', /training.seed is swept too/],
  ['{strategy: random, max_runs: 3, training.learning_rate: {min: 0, max: 1, scale: log}}', /a min above 0/],
  ['{strategy: random, max_runs: 3, training.learning_rate: {min: 2, max: 1}}', /a min above its max/],
  ['{strategy: random, max_runs: 3, training.learning_rate: {min: -1, max: 1}}', /learning_rate.min expected a number/],
  ['{method.rr: [1]}', /unknown key/],
] as const) {
  test(`${sweep} is a problem of the file`, () => {
    const { problems } = parseExperiment(text(sweep), file);
    assert.match(problems.map(({ key, message }) => `${key} ${message}`).join('\n'), problem);
  });
}
