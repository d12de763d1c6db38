import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { experiments, type Row, rowsOf, splits } from './experiments.ts';
import { fillersOf } from './fillers.ts';
import { skillOf, taskNames, tasks } from './mixture.ts';
import { commitTypes, components, objects, verbs } from './texts/commits.ts';
import { slotValues } from './texts/requests.ts';
import { aspects, opinions, products } from './texts/reviews.ts';
import { sampleFiles } from './writeFiles.ts';

const samples = join(import.meta.dirname, '../../samples');

const fillerLists: Readonly<Record<string, readonly (readonly string[])[]>> = {
  'commit-kind': [...Object.values(verbs), ...Object.values(objects), components],
  'request-command': Object.values(slotValues),
  'review-sentiment': [...Object.values(opinions), ...Object.values(products), aspects],
};

const wordsIn = (text: string): string[] => text.toLowerCase().match(/[a-z0-9]+/g) ?? [];
/** Words that any instruction may have. */
const functionWords: ReadonlySet<string> = new Set(wordsIn('a the of to in is its this or as like write answer'));

const count = (values: readonly string[]): Map<string, number> =>
  values.reduce((counts, value) => counts.set(value, (counts.get(value) ?? 0) + 1), new Map<string, number>());

for (const experiment of experiments) {
  const { name, columns } = experiment;
  const rows = rowsOf(experiment);
  const texts = (split: readonly Row[]) => split.map((row) => row[columns.input] as string);
  const tuning = [...rows.train, ...rows.val];
  const heldOut = [...rows.test, ...rows.try];

  test(`${name}: no word of a filler is on both sides of the cut`, () => {
    const wordsOf = (half: 'tuning' | 'heldOut') =>
      new Set((fillerLists[name] ?? []).flatMap((list) => fillersOf(list, half)).flatMap(wordsIn));
    const [even, odd] = [wordsOf('tuning'), wordsOf('heldOut')];
    assert.ok(even.size > 30);
    assert.deepEqual(
      [...even].filter((word) => odd.has(word)),
      [],
    );
    const foreign = (split: readonly Row[], others: ReadonlySet<string>) =>
      texts(split)
        .flatMap(wordsIn)
        .filter((word) => others.has(word));
    assert.deepEqual([...new Set(foreign(tuning, odd))], [], 'tuning rows use held-out fillers');
    assert.deepEqual([...new Set(foreign(heldOut, even))], [], 'held-out rows use tuning fillers');
  });

  test(`${name}: no text comes twice`, () => {
    const all = texts([...tuning, ...heldOut]);
    assert.equal(new Set(all).size, all.length);
  });

  test(`${name}: every class comes equally often in each file`, () => {
    for (const [split, { rows: total }] of Object.entries(splits)) {
      const answers = rows[split as keyof typeof splits].map((row) => row[columns.answer] as string);
      assert.equal(answers.length, total);
      const classes = count(answers.map((answer) => answer.split(' ')[0] as string));
      assert.deepEqual([...classes.keys()].sort(), [...experiment.classes].sort());
      for (const [label, times] of classes) assert.equal(times, total / experiment.classes.length, label);
    }
  });

  test(`${name}: the experiment file names these columns, answers and files`, () => {
    const tune = parse(readFileSync(join(samples, `${name}.tune.yaml`), 'utf8'));
    assert.equal(tune.template.input, `Input: {{${columns.input}}}\nOutput:`);
    assert.equal(tune.template.target, ` {{${columns.answer}}}`);
    assert.deepEqual(tune.data, {
      train: `data/${name}.train.jsonl`,
      validation: `data/${name}.val.jsonl`,
      test: `data/${name}.test.jsonl`,
    });
    if (tune.labels !== undefined) assert.deepEqual([...tune.labels].sort(), [...experiment.classes].sort());
  });

  test(`${name}: the base never saw a hard prompt's wording, and its skill gives the rows' answers`, () => {
    const tune = parse(readFileSync(join(samples, `${name}.tune.yaml`), 'utf8'));
    const known = new Set(taskNames.flatMap((task) => tasks[task].skills.flatMap((skill) => skill.instructions)));
    const prompts = Object.values<{ prompt: string }>(tune.evaluation.baselines).map(({ prompt }) => prompt);
    assert.ok(prompts.length >= 4);
    for (const prompt of prompts) {
      assert.ok(prompt.endsWith(`\n${tune.template.input}`), prompt);
      assert.ok(!known.has(prompt.split('\n')[0] as string), prompt);
    }
    assert.ok(skillOf(experiment.skill).instructions.length > 1);
  });

  if (skillOf(experiment.skill).wording === 'opaque') {
    test(`${name}: no word of the wordings that lead to the skill is in a hard prompt`, () => {
      const tune = parse(readFileSync(join(samples, `${name}.tune.yaml`), 'utf8'));
      const prompts = Object.values<{ prompt: string }>(tune.evaluation.baselines).map(({ prompt }) => prompt);
      const ofPrompts = new Set(prompts.flatMap((prompt) => wordsIn(prompt.split('\n')[0] as string)));
      const shared = skillOf(experiment.skill)
        .instructions.flatMap(wordsIn)
        .filter((word) => ofPrompts.has(word));
      assert.deepEqual(
        shared.filter((word) => !functionWords.has(word)),
        [],
      );
    });
  }
}

test('the convention and the verb disagree on about half of the commits, so the verb alone cannot answer', () => {
  const experiment = experiments.find(({ name }) => name === 'commit-kind');
  assert.ok(experiment);
  const rows = rowsOf(experiment).test;
  const byVerb = (message: string) =>
    commitTypes.find((type) =>
      verbs[type].some((verb) =>
        message
          .replace(/^\w+: /, '')
          .toLowerCase()
          .startsWith(`${verb} `),
      ),
    );
  const agreeing = rows.filter((row) => byVerb(row.message as string) === row.kind);
  assert.ok(agreeing.length / rows.length < 0.7, `${agreeing.length} of ${rows.length}`);
});

test('the files in samples/ are those the generator writes', () => {
  for (const [path, content] of sampleFiles()) {
    assert.ok(
      readFileSync(join(samples, path), 'utf8') === content,
      `${path} differs: run scripts/sample/writeFiles.ts`,
    );
  }
});
