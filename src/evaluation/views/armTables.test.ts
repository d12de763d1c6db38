import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ArmResult, GuardFigure } from '../result.ts';
import { cachedNote, foundNote } from './armNotes.ts';
import { avoidedTable } from './avoidedTable.ts';
import { classTable } from './classTable.ts';
import { costTable } from './costs.ts';
import { guardTables, untouchedLines } from './forgetting.ts';

const arm = (name: string, kind: ArmResult['kind'], more: Partial<ArmResult> = {}): ArmResult => ({
  ...{ name, kind, detail: null, metrics: {}, confusion: null, wins: 0, losses: 0, seconds: 1 },
  ...{ trainable_parameters: 0, bytes: 0, ...more },
});
const on = (figure: GuardFigure['figure'], value: number | null, change: number | null): GuardFigure => ({
  ...{ figure, value, change, rows: 9 },
});

test('a rise of perplexity and a fall of accuracy are worse, the other way round is better', () => {
  const guard = (perplexity: number, accuracy: number): Partial<ArmResult> => ({
    guard: { prose: on('perplexity', 20 + perplexity, perplexity), sums: on('accuracy', 0.5 + accuracy, accuracy) },
  });
  const arms = [
    arm('base', 'base', guard(0, 0)),
    arm('asked', 'hard_prompt', guard(0, 0)),
    arm('a', 'adapter', guard(2, -0.25)),
    arm('b', 'adapter', guard(-2, 0.25)),
    arm('c', 'adapter', guard(0, 0)),
    arm('a without context', 'adapter', { ...guard(2, -0.25), without_context: 'a' }),
    arm('old', 'adapter'),
  ];
  const [prose, sums, ...others] = guardTables({ arms });
  assert.equal(others.length, 0);
  assert.deepEqual(
    prose!.rows.map(({ name }) => name),
    ['base', 'a', 'b', 'c'],
    'hard prompts and arms without context are the same model',
  );
  const changes = (table: typeof prose) => table!.rows.map(({ cells }) => [cells[1]!.text, cells[1]!.tone]);
  assert.deepEqual(changes(prose), [
    ['–', undefined],
    ['+2.000', 'worse'],
    ['−2.000', 'better'],
    ['none', undefined],
  ]);
  assert.deepEqual(changes(sums).slice(1, 3), [
    ['−0.250', 'worse'],
    ['+0.250', 'better'],
  ]);
  assert.deepEqual([prose!.head[1], sums!.head[1]], ['Perplexity', 'Accuracy']);
});

test('a guard on which nothing can be scored has dashes; without guards there is no table', () => {
  const guard = { empty: on('perplexity', null, null) };
  const [table] = guardTables({ arms: [arm('base', 'base', { guard }), arm('a', 'adapter', { guard })] });
  assert.deepEqual(
    table!.rows.map(({ cells }) => cells.map(({ text }) => text)),
    [
      ['–', '–'],
      ['–', '–'],
    ],
  );
  assert.deepEqual(guardTables({ arms: [arm('base', 'base')] }), []);
  assert.deepEqual(untouchedLines([arm('base', 'base')]), []);
});

test('whether the base model is untouched is one sentence, and each trace another', () => {
  const after = (name: string, fingerprint: boolean, difference: number): ArmResult =>
    arm(name, 'adapter', { base_untouched: { fingerprint, largest_logit_difference: difference } });
  const [line, ...more] = untouchedLines([after('a', true, 0), after('b', true, 0)]);
  assert.equal(more.length, 0);
  assert.deepEqual([line!.same, /after each adapter/.test(line!.text)], [true, true]);
  const traces = untouchedLines([after('a', true, 0), after('b', true, 0.5), after('c', false, 0)]);
  assert.deepEqual(
    traces.map(({ same }) => same),
    [false, false],
  );
  assert.match(traces.map(({ text }) => text).join(), /b was taken off.*0\.5.*files changed while c/);
});

test('costs stand beside those of the base model, and columns that nobody has a figure for are left out', () => {
  const cost = { trainable_percent: 0.1156, swap_ms: 6.13, first_token_ms: 12, memory_bytes: 2 ** 28 };
  const arms = [
    arm('base', 'base', { cost: { ...cost, trainable_percent: 0, first_token_ms: 10, token_ms: null } }),
    arm('a', 'adapter', { cost: { ...cost, token_ms: null }, trainable_parameters: 3072, bytes: 12_392 }),
    arm('b', 'adapter'),
  ];
  const table = costTable({ arms })!;
  assert.deepEqual(table.head, ['Arm', 'Trained', 'On disk', 'Peak memory', 'Swap', 'First token']);
  assert.deepEqual(table.rows[1]!.cells, [
    { text: '3\u2009072', note: '0.12 % of the model' },
    { text: '12 KB' },
    { text: '256 MB' },
    { text: '6.1 ms' },
    { text: '12 ms', note: '+20 %' },
  ]);
  assert.ok(table.rows[2]!.cells.every(({ text }) => text === '–'));
  assert.equal(costTable({ arms: [arm('base', 'base')] }), null, 'an evaluation of an older version');
});

test('what is avoided is better the less likely it has become', () => {
  const avoided = (change: number | null) => ({ avoided: { rows: 3, log_probability: -1, change } });
  const table = avoidedTable({
    arms: [arm('base', 'base', avoided(null)), arm('a', 'adapter', avoided(-1)), arm('b', 'adapter', avoided(1))],
  })!;
  assert.deepEqual(
    table.rows.map(({ cells }) => [cells[1]!.text, cells[1]!.tone]),
    [
      ['–', undefined],
      ['0.368', 'better'],
      ['2.72', 'worse'],
    ],
  );
  assert.equal(avoidedTable({ arms: [arm('base', 'base')] }), null);
});

test('labels have their figures, and a share of nothing is a dash', () => {
  const classes = [{ label: 'fix', precision: null, recall: 0, f1: 0, support: 7 }];
  const [row] = classTable(arm('a', 'adapter', { classes }))!.rows;
  assert.deepEqual(
    row!.cells.map(({ text }) => text),
    ['–', '0.000', '0.000', '7'],
  );
  assert.equal(classTable(arm('a', 'adapter')), null);
});

test('notes say what was not asked again and what a search found', () => {
  assert.equal(
    cachedNote(arm('a', 'adapter', { cached_rows: 240 }), 240),
    '240 of 240 rows from an earlier evaluation',
  );
  assert.equal(cachedNote(arm('a', 'adapter'), 240), null);
  const found = { prompt: 'p', given: 'g', tried: 24, rows: 40, right: 31, given_right: 17 };
  assert.equal(
    foundNote(found),
    'The best of 24 tried: 31 of 40 validation rows right (78 %), 17 (43 %) with the given one.',
  );
});
