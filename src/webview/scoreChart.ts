import { metricMeanings } from '../evaluation/metrics/meaning.ts';
import type { EvaluationResult, MetricName } from '../evaluation/result.ts';
import { type CostAxisName, chartChoices, costAxes, scoreAgainstCost } from '../evaluation/views/scoreAgainstCost.ts';
import { scoreDrawing } from '../evaluation/views/scoreDrawing.ts';
import { fill, h } from './dom.ts';
import { drawingElement } from './drawing.ts';
import type { PageState } from './pageState.ts';

/** What is drawn against what; null takes the first there is. */
export type ScoreChartState = Pick<PageState, 'scoreMetric' | 'costAxis'>;

/** Widths between which the chart is as wide as the panel, and its height, pixels. */
const [narrowest, widest, height] = [300, 640, 320] as const;

/** The arms' scores against what they cost, by a metric and a cost that are chosen here. */
export class ScoreChart {
  readonly element = h('section', { class: 'score-chart', 'aria-label': 'Score against size and time' });
  readonly #change: (change: Partial<ScoreChartState>) => void;
  readonly #canvas = h('div');
  #result: EvaluationResult | null = null;
  #metric: MetricName | null = null;
  #axis: CostAxisName | null = null;
  #width = 0;

  constructor(change: (change: Partial<ScoreChartState>) => void) {
    this.#change = change;
    new ResizeObserver(() => this.#fit()).observe(this.#canvas);
  }

  /** Shows a result; hides itself where there is nothing that tells arms apart. */
  draw(result: EvaluationResult, { scoreMetric, costAxis }: ScoreChartState): void {
    const { metrics, axes } = chartChoices(result);
    this.#result = result;
    this.#metric = metrics.find((metric) => metric === scoreMetric) ?? metrics[0] ?? null;
    this.#axis = axes.find((axis) => axis === costAxis) ?? axes[0] ?? null;
    this.element.hidden = this.#metric === null || this.#axis === null;
    fill(
      this.element,
      h('h3', {}, 'Score against size and time'),
      h(
        'div',
        { class: 'controls' },
        choice(
          'Score',
          metrics,
          this.#metric,
          (metric) => metricMeanings[metric].title,
          (metric) => {
            this.#metric = metric;
            this.#change({ scoreMetric: metric });
            this.#redraw();
          },
        ),
        choice(
          'Cost',
          axes,
          this.#axis,
          (axis) => costAxes[axis].title,
          (axis) => {
            this.#axis = axis;
            this.#change({ costAxis: axis });
            this.#redraw();
          },
        ),
        h('span', { class: 'key' }, '● adapter · ◆ hard prompt · ■ base model'),
      ),
      this.#canvas,
      h('p', { class: 'key' }, 'Full and on the line: nothing else scores as well for as little.'),
    );
    this.#redraw();
  }

  #fit(): void {
    if (this.#chosenWidth() !== this.#width) this.#redraw();
  }

  #chosenWidth(): number {
    return Math.max(narrowest, Math.min(this.#canvas.clientWidth, widest));
  }

  #redraw(): void {
    if (this.#result === null || this.#metric === null || this.#axis === null) return;
    this.#width = this.#chosenWidth();
    const scored = scoreAgainstCost(this.#result, this.#metric, this.#axis);
    fill(this.#canvas, drawingElement(scoreDrawing(scored, this.#width, height)));
  }
}

function choice<T extends string>(
  name: string,
  values: readonly T[],
  chosen: T | null,
  title: (value: T) => string,
  take: (value: T) => void,
): HTMLElement {
  const options = values.map((value) => h('option', { value, selected: value === chosen }, title(value)));
  const select = h('select', {}, ...options);
  select.addEventListener('change', () => take(select.value as T));
  return h('label', {}, `${name} `, select);
}
