import { metricMeanings } from '../evaluation/metrics/meaning.ts';
import { type ArmResult, type EvaluationResult, isBase, type MetricName } from '../evaluation/result.ts';
import { cachedNote } from '../evaluation/views/armNotes.ts';
import { count, duration, figure, size } from '../evaluation/views/figureText.ts';
import { bestArms } from './comparison.ts';
import { h, spoken } from './dom.ts';

const kinds = {
  base: 'base model',
  hard_prompt: 'hard prompt',
  adapter: 'adapter',
} satisfies Record<ArmResult['kind'], string>;

/** Arms against metrics: the best of each metric marked, rows won and lost against the base, what each arm costs. */
export function armsTable(result: EvaluationResult): HTMLElement {
  const best = new Map(result.metrics.map((metric) => [metric, bestArms(result.arms, metric)]));
  const head = [
    'Arm',
    ...result.metrics.map((metric) => metricMeanings[metric].title),
    ...(result.custom_metrics ?? []),
    'Won',
    'Lost',
    'Time',
    'Trained',
    'Size',
  ];
  return h(
    'div',
    { class: 'wide', tabindex: '0', role: 'region', 'aria-label': 'Arms and metrics' },
    h(
      'table',
      { class: 'arms' },
      h(
        'caption',
        {},
        `${result.rows.length} rows of ${fileName(result.data)} · ★ best · won and lost: rows right where the base is wrong, and the other way round`,
      ),
      h('thead', {}, h('tr', {}, ...head.map((title) => h('th', { scope: 'col' }, title)))),
      h('tbody', {}, ...result.arms.map((arm) => armRow(arm, result, best))),
    ),
  );
}

/** The last part of a path. */
function fileName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);
}

function armRow(
  arm: ArmResult,
  { metrics, custom_metrics = [], rows }: EvaluationResult,
  best: ReadonlyMap<MetricName, ReadonlySet<string>>,
): HTMLElement {
  const reference = isBase(arm);
  const cached = cachedNote(arm, rows.length);
  return h(
    'tr',
    {},
    h(
      'th',
      { scope: 'row', title: arm.detail ?? kinds[arm.kind] },
      arm.name,
      h('span', { class: 'kind' }, kinds[arm.kind]),
      cached === null ? null : h('span', { class: 'kind' }, cached),
    ),
    ...metrics.map((metric) => metricCell(arm.metrics[metric], best.get(metric)?.has(arm.name) === true)),
    // Whether more is better, only who wrote the metric knows.
    ...custom_metrics.map((name) => metricCell(arm.custom?.[name], false)),
    h('td', {}, reference ? '–' : String(arm.wins)),
    h('td', {}, reference ? '–' : String(arm.losses)),
    h('td', {}, duration(arm.seconds)),
    h('td', { title: 'trainable parameters' }, arm.trainable_parameters === 0 ? '–' : count(arm.trainable_parameters)),
    h('td', {}, arm.bytes === 0 ? '–' : size(arm.bytes)),
  );
}

function metricCell(value: number | null | undefined, isBest: boolean): HTMLElement {
  if (value == null) return h('td', { title: 'does not apply to this arm' }, '–');
  if (!isBest) return h('td', {}, figure(value));
  return h('td', { class: 'best' }, h('span', { 'aria-hidden': 'true' }, '★ '), figure(value), spoken(' (best)'));
}
