import { metricMeanings } from '../evaluation/metrics/meaning.ts';
import type { EvaluationResult, PairResult } from '../evaluation/result.ts';
import { figure, signed } from '../evaluation/views/figureText.ts';
import { bestArms } from './comparison.ts';
import { h } from './dom.ts';

/** What the comparison means for each adapter, and what to bear in mind; nothing for an evaluation of an older version. */
export function verdictList({ verdicts = [], remarks = [] }: EvaluationResult): readonly HTMLElement[] {
  const list = (name: string, sentences: readonly string[]): readonly HTMLElement[] =>
    sentences.length === 0 ? [] : [h('ul', { class: name }, ...sentences.map((words) => h('li', {}, words)))];
  return [...list('verdicts', verdicts), ...list('warnings', remarks)];
}

/**
 * Every two arms by the metric that decides: difference, its interval, and whether it is more than chance. Pairs with the base model
 * come first, then those with the best arm.
 */
export function pairsTable({ pairs = [], metrics, arms }: EvaluationResult): readonly HTMLElement[] {
  const [first] = metrics;
  if (first === undefined) return [];
  const best = bestArms(arms, first);
  const base = arms.find(({ kind }) => kind === 'base')?.name;
  const place = ({ a, b }: PairResult): number => (b === base ? 0 : best.has(a) || best.has(b) ? 1 : 2);
  const shown = pairs.filter(({ metric }) => metric === first).sort((x, y) => place(x) - place(y));
  if (shown.length === 0) return [];
  const head = ['Pair', 'Difference', '95 % interval', 'p', 'Won', 'Lost', 'Odds', 'Could show'];
  return [
    h(
      'details',
      { class: 'pairs' },
      h('summary', {}, `Every two arms by ${metricMeanings[first].title} (${shown.length} pairs)`),
      h(
        'div',
        { class: 'wide', tabindex: '0', role: 'region', 'aria-label': 'Pairs of arms' },
        h(
          'table',
          { class: 'arms' },
          h('thead', {}, h('tr', {}, ...head.map((title) => h('th', { scope: 'col' }, title)))),
          h('tbody', {}, ...shown.map(pairRow)),
        ),
      ),
    ),
  ];
}

function pairRow({
  a,
  b,
  difference,
  low,
  high,
  p_corrected: p,
  wins,
  losses,
  odds,
  detectable,
}: PairResult): HTMLElement {
  const cells = [
    signed(difference),
    `${signed(low)} to ${signed(high)}`,
    p < 0.001 ? '<0.001' : p.toFixed(3),
    String(wins),
    String(losses),
    odds == null ? '–' : figure(odds),
    figure(detectable),
  ];
  return h('tr', {}, h('th', { scope: 'row' }, `${a} over ${b}`), ...cells.map((text) => h('td', {}, text)));
}
