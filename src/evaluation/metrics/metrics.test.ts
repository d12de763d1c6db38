import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type MetricName, metricNames, type RowAnswer } from '../result.ts';
import { bleuScore, bleuSums, words13a } from './bleu.ts';
import { calibrationError, reliability } from './calibration.ts';
import { chrfScore, chrfSums } from './chrf.ts';
import { classFigures, confusionMatrix } from './classification.ts';
import { type Judged, scoreOf } from './rowSums.ts';
import { metricRules } from './table.ts';

const answerOf = (text: string, more: Partial<RowAnswer> = {}): RowAnswer => {
  return { text, correct: false, probability: null, target_loss: 1, target_tokens: 1, ...more };
};
const judged = (text: string, expected: string, more: Partial<RowAnswer> = {}): Judged => {
  return { expected, answer: answerOf(text, { correct: text === expected, ...more }) };
};
const figure = (metric: MetricName, rows: readonly Judged[], labels: readonly string[] | null = null) => {
  const sums = metricRules[metric].sums(rows, labels);
  return sums === null ? null : scoreOf(sums);
};
const close = (found: number | null, expected: number, tolerance: number) =>
  assert.ok(found !== null && Math.abs(found - expected) <= tolerance, `${found}, not ${expected}`);

/** Sums over several texts. */
function total(all: readonly (readonly number[])[]): Float64Array {
  return Float64Array.from(all[0]!, (_, i) => all.reduce((sum, one) => sum + one[i]!, 0));
}

test("BLEU is sacrebleu's, of several references too", () => {
  // sacrebleu, test/test_bleu.py: test_corpus_bleu_cases, by default settings (13a, exp).
  const texts = ['The dog bit the man.', "It wasn't surprising.", 'The man had just bitten him.'];
  const references = [
    ['The dog bit the man.', 'The dog had bit the man.'],
    ['It was not unexpected.', 'No one was surprised.'],
    ['The man bit him first.', 'The man had bitten the dog.'],
  ];
  const sums = total(texts.map((text, i) => bleuSums(text, references[i]!)));
  close(bleuScore(sums), 48.530827, 1e-6);
  assert.equal(bleuScore(total(texts.map((_, i) => bleuSums('', references[i]!)))), 0);
  // The same file: test_raw_bleu_cases, where nothing is smoothed.
  close(bleuScore(total([bleuSums('this is a test', ['this is a test'])])), 100, 1e-6);
});

test('BLEU counts orders without a match as halves, quarters ... of one', () => {
  // Chen and Cherry (2014), smoothing 3, as `exp` of sacrebleu: 3/4, 1/3, then 1/(2 * 2) and 1/(4 * 1).
  const expected = 100 * ((3 / 4) * (1 / 3) * (1 / 4) * (1 / 4)) ** (1 / 4);
  close(bleuScore(total([bleuSums('this is x test', ['this is a test'])])), expected, 1e-9);
});

test('texts are split as mteval-v13a.pl splits them', () => {
  assert.deepEqual(words13a("He said: &quot;it's 3.5-4 (or 1,000)&quot;."), [
    ...['He', 'said', ':', '"', "it's", '3.5', '-', '4', '(', 'or', '1,000', ')', '"', '.'],
  ]);
});

test("chrF is sacrebleu's", () => {
  // sacrebleu, test/test_chrf.py: test_cases_effective_order, beta 3.
  for (const [texts, references, expected] of [
    [['a'], ['a'], 100],
    [[''], ['reference'], 0],
    [['a b c'], ['abc'], 100],
    [['a', 'b'], ['a', 'c'], 50],
    [['aa'], ['ab'], 25],
  ] as const) {
    close(chrfScore(total(texts.map((text, i) => chrfSums(text, references[i]!))), 3), expected, 1e-4);
  }
  // The same file: test_cases_keep_whitespace; a space that is kept is a character like any other.
  for (const [text, reference, expected] of [
    [
      'Die Beziehung zwischen Obama und Netanjahu ist nicht gerade freundlich.',
      'Das Verhältnis zwischen Obama und Netanyahu ist nicht gerade freundschaftlich.',
      67.3481606,
    ],
    [
      'risk assessment must be made of those who are qualified and expertise in the sector - these are the scientists .',
      'risk assessment has to be undertaken by those who are qualified and expert in that area - that is the scientists .',
      65.2414427,
    ],
  ] as const) {
    const visible = (each: string) => each.replaceAll(' ', '␣');
    close(chrfScore(total([chrfSums(visible(text), visible(reference))]), 3), expected, 1e-4);
  }
});

test("chrF by default is sacrebleu's chrF2", () => {
  // huggingface/evaluate, metrics/chrf/README.md, first example, which asks sacrebleu: beta 2, six orders of characters, no words.
  const texts = [
    'The relationship between cats and dogs is not exactly friendly.',
    'a good bookshop is just a genteel black hole that knows how to read.',
  ];
  const references = [
    'The relationship between dogs and cats is not exactly friendly.',
    'A good bookshop is just a genteel Black Hole that knows how to read.',
  ];
  close(chrfScore(total(texts.map((text, i) => chrfSums(text, references[i]!)))), 84.64214891738334, 1e-9);
});

test("ROUGE is rouge_score's without stemming", () => {
  // google-research, rouge/rouge_scorer_test.py: small cases, and testRouge1AgainstRouge155 and its like on rouge/testdata.
  close(figure('rouge1', [judged('testing', 'testing one two')]), 1 / 2, 1e-12);
  close(figure('rouge2', [judged('testing one', 'testing one two')]), 2 / 3, 1e-12);
  close(figure('rougeL', [judged('testing two', 'testing one two')]), 4 / 5, 1e-12);
  assert.equal(figure('rougeL', [judged('', 'testing one two')]), 0);
  const target =
    "ZfbCUIUuePaiLVUlCaUXxkpu XPeWing tUHfPMuZ',-Xd Y BrUgVJing M-HV.-DgdDaY.rFDJCRing Ht-LM EKBDXkME,yz'RBr q'wtion wIojNbN wL,b .a-'XdQggyFl jB-RPP'iyOIcUxer tKM L";
  const prediction = "rFDJCRtion Ht-LM EKtDXkME,yz'RBr q'wer wrojNbN wL,b .a-'XdQggyFl jB-RPP'iyOIcUxi";
  close(figure('rouge1', [judged(prediction, target)]), 0.51163, 5e-6);
  close(figure('rouge2', [judged(prediction, target)]), 0.39024, 5e-6);
  close(figure('rougeL', [judged(prediction, target)]), 0.51163, 5e-6);
});

test("token F1 looks away from case, punctuation and articles, as SQuAD's script does", () => {
  close(figure('token_f1', [judged('The cat, sat.', 'a cat sat down')]), 4 / 5, 1e-12);
  assert.equal(figure('token_f1', [judged('the', 'cat')]), 0);
  // An `a` inside of a word is no article, whichever letters stand around it.
  assert.equal(figure('token_f1', [judged('día', 'dí')]), 0);
});

test("Matthews' correlation is scikit-learn's", () => {
  // scikit-learn, sklearn/metrics/tests/test_classification.py: test_matthews_corrcoef_multiclass.
  for (const [expected, answered, mcc] of [
    [[0, 0, 1, 1, 2, 2], [0, 0, 1, 1, 2, 2], 1],
    [[0, 0, 1, 1, 2, 2], [2, 2, 0, 0, 1, 1], -0.5],
    [[0, 0, 1, 1, 2, 2], [1, 1, 0, 0, 0, 0], -12 / Math.sqrt(24 * 16)],
    [[0, 1, 2], [3, 3, 3], 0],
    [[3, 3, 3], [0, 1, 2], 0],
    [[0, 1, 2, 0, 1, 2, 0, 1, 2], [1, 1, 1, 2, 2, 2, 0, 0, 0], 0],
  ] as const) {
    const rows = expected.map((label, i) => judged(String(answered[i]), String(label)));
    close(figure('mcc', rows, ['0', '1', '2', '3']), mcc, 1e-12);
  }
  // One that was answered outside the labels is wrong, and no label's.
  assert.ok(figure('mcc', [judged('x', '0'), judged('1', '1')], ['0', '1'])! < 1);
});

test('figures of each label', () => {
  const rows = [judged('a', 'a'), judged('b', 'a'), judged('b', 'b'), judged('x', 'b')];
  const figures = classFigures(confusionMatrix(rows, ['a', 'b', 'c']));
  assert.deepEqual(figures, [
    { label: 'a', precision: 1, recall: 1 / 2, f1: 2 / 3, support: 2 },
    { label: 'b', precision: 1 / 2, recall: 1 / 2, f1: 1 / 2, support: 2 },
    { label: 'c', precision: null, recall: null, f1: 0, support: 0 },
  ]);
  close(figure('f1', rows, ['a', 'b', 'c']), (2 / 3 + 1 / 2) / 3, 1e-12);
});

test("figures of each label are those of the example of scikit-learn's classification_report", () => {
  // y_true = [0, 1, 2, 2, 2], y_pred = [0, 0, 2, 2, 1], rounded to two digits there; macro F1 0.49.
  const rows = [0, 1, 2, 2, 2].map((label, i) => judged(String([0, 0, 2, 2, 1][i]), String(label)));
  const rounded = classFigures(confusionMatrix(rows, ['0', '1', '2'])).map(({ precision, recall, f1, support }) => [
    ...[precision, recall, f1].map((each) => Number(each?.toFixed(2))),
    support,
  ]);
  assert.deepEqual(rounded, [
    [0.5, 1, 0.67, 1],
    [0, 0, 0, 1],
    [1, 0.67, 0.8, 3],
  ]);
  close(figure('f1', rows, ['0', '1', '2']), 0.49, 0.005);
});

test('calibration compares sureness and rightness bin by bin', () => {
  // Guo et al. (2017), equation 3, by hand: 2 rows of 0.9 with 1 right, 2 rows of 0.5 with 2 right.
  const rows = [
    judged('a', 'a', { probability: 0.9 }),
    judged('a', 'b', { probability: 0.9 }),
    judged('a', 'a', { probability: 0.5 }),
    judged('a', 'a', { probability: 0.5 }),
  ];
  close(scoreOf(calibrationError(rows)!), (2 * 0.4 + 2 * 0.5) / 4, 1e-12);
  assert.deepEqual(
    reliability(rows)!.map((bin) => [bin.rows, bin.accuracy]),
    [
      [2, 1],
      [2, 0.5],
    ],
  );
  assert.equal(calibrationError([judged('a', 'a')]), null);
  close(scoreOf(calibrationError([judged('a', 'a', { probability: 1 }), judged('a', 'b', { probability: 0 })])!), 0, 0);
});

test('perplexity is over tokens, bits over bytes', () => {
  const rows = [
    judged('', 'a', { target_loss: Math.log(4), target_tokens: 3, target_bytes: 6 }),
    judged('', 'b', { target_loss: Math.log(2), target_tokens: 1, target_bytes: 1 }),
  ];
  close(figure('perplexity', rows), Math.exp((3 * Math.log(4) + Math.log(2)) / 4), 1e-12);
  close(figure('bits_per_byte', rows), 7 / 7, 1e-12);
  assert.equal(figure('bits_per_byte', [judged('', 'a')]), null);
  assert.equal(figure('perplexity', [judged('', 'a', { target_tokens: 0, target_loss: 0 })]), null);
});

test('every metric of the same rows twice is that of the rows', () => {
  const rows = [
    judged('a b', 'a b c', { probability: 0.7, target_bytes: 3 }),
    judged('b', 'b', { probability: 0.4, target_bytes: 3 }),
  ];
  for (const metric of metricNames) {
    const [once, twice] = [figure(metric, rows, ['a b c', 'b']), figure(metric, [...rows, ...rows], ['a b c', 'b'])];
    assert.notEqual(once, null, metric);
    close(twice, once!, 1e-12);
  }
});
