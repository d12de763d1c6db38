import uPlot from 'uplot';
import { fill, h, setText } from './dom.ts';
import { formatTick } from './format.ts';
import type { Theme } from './theme.ts';

/** One line of a chart: its points by step, and how it is drawn. */
export interface Line {
  readonly runId: string;
  /** The run's name, another for each run in the chart. */
  readonly run: string;
  /** What of the run it is, as it is called beside its value; empty when a chart has one line a run. */
  readonly part: string;
  /** Number of the run's colour. */
  readonly colour: number;
  /** 'faint': the raw points; 'bold': their average; 'dotted': validation, with a mark at each point. */
  readonly look: 'faint' | 'bold' | 'dotted';
  readonly steps: readonly number[];
  readonly values: readonly number[];
}

/** What a chart shows besides its lines. */
export interface ChartOptions {
  readonly title: string;
  readonly height: number;
  readonly format: (value: number) => string;
}

const axisFont = '11px system-ui, sans-serif';

/** A chart over steps that is drawn anew when its lines or the theme change and moves on when only points are added. */
export class Chart {
  readonly element: HTMLElement;
  readonly #options: ChartOptions;
  readonly #canvas: HTMLElement;
  readonly #readout: HTMLElement;
  readonly #empty: HTMLElement;
  #plot: uPlot | null = null;
  #drawn = '';
  #lines: readonly Line[] = [];

  constructor(options: ChartOptions) {
    this.#options = options;
    this.#readout = h('p', { class: 'readout' });
    this.#canvas = h('div', { class: 'canvas', role: 'img' });
    // As high as the plot that comes a moment later, so that what was scrolled to stays where it is.
    this.#canvas.style.minHeight = `${options.height}px`;
    this.#empty = h('p', { class: 'empty' });
    this.element = h(
      'section',
      { class: 'chart', 'aria-label': options.title },
      h('header', {}, h('h3', {}, options.title), this.#readout),
      this.#canvas,
      this.#empty,
    );
    new ResizeObserver(() => this.#fit()).observe(this.#canvas);
  }

  /** Draws these lines; `empty` is said when they have no points. A line may get its first points later. */
  draw(lines: readonly Line[], theme: Theme, logScale: boolean, empty: string): void {
    const isEmpty = lines.every((line) => line.steps.length === 0);
    this.#lines = lines;
    this.#canvas.hidden = isEmpty;
    this.#empty.hidden = !isEmpty;
    this.#readout.hidden = isEmpty;
    setText(this.#empty, empty);
    this.#canvas.setAttribute('aria-label', this.#spoken());
    this.#readAt(null);
    if (isEmpty) {
      this.#destroy();
      return;
    }
    const data = uPlot.join(lines.map(({ steps, values }) => [[...steps], [...values]]));
    const drawn = JSON.stringify([theme, logScale, lines.map(({ run, part, colour }) => [run, part, colour])]);
    if (this.#plot !== null && drawn === this.#drawn) {
      this.#plot.setData(data);
      return;
    }
    this.#destroy();
    this.#drawn = drawn;
    this.#plot = new uPlot(this.#plotOptions(lines, theme, logScale), data, this.#canvas);
  }

  #destroy(): void {
    this.#plot?.destroy();
    this.#plot = null;
  }

  #fit(): void {
    const width = this.#canvas.clientWidth;
    if (width > 0) this.#plot?.setSize({ width, height: this.#options.height });
  }

  #plotOptions(lines: readonly Line[], theme: Theme, logScale: boolean): uPlot.Options {
    const axis: uPlot.Axis = {
      stroke: theme.text,
      font: axisFont,
      grid: { stroke: theme.grid, width: 0.5 },
      ticks: { stroke: theme.grid, width: 0.5 },
    };
    return {
      width: this.#canvas.clientWidth || 400,
      height: this.#options.height,
      legend: { show: false },
      cursor: { y: false, drag: { x: true, y: false } },
      scales: { x: { time: false }, y: { distr: logScale ? 3 : 1 } },
      axes: [
        { ...axis, size: 28, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000] },
        { ...axis, size: 52, values: (_, ticks) => ticks.map((tick) => (tick === null ? '' : formatTick(tick))) },
      ],
      series: [{}, ...lines.map((line) => seriesOf(line, theme))],
      hooks: { setCursor: [(plot) => this.#readAt(plot.cursor.idx ?? null)] },
    };
  }

  /** Tells each run's values under the cursor, or without one its last. */
  #readAt(index: number | null): void {
    const step = index === null ? null : (this.#plot?.data[0][index] ?? null);
    const runs = [...new Set(this.#lines.map(({ runId }) => runId))].flatMap((runId) => {
      const lines = this.#lines.filter((line) => line.runId === runId);
      const values = lines.map((line) => this.#valueAt(line, step)).filter((value) => value !== null);
      const [first] = lines;
      if (values.length === 0) return [];
      return h(
        'span',
        { class: `colour-${first?.colour}` },
        h('i', { class: 'dot' }),
        `${first?.run} ${values.join(' · ')}`,
      );
    });
    fill(this.#readout, h('span', {}, step === null ? 'last' : `step ${step}`), ...runs);
  }

  /** The line's value at a step (null: its last step), or at the one before where it has none. */
  #valueAt({ part, steps, values }: Line, step: number | null): string | null {
    const value = values[step === null ? steps.length - 1 : steps.findLastIndex((each) => each <= step)];
    return value === undefined ? null : `${part} ${this.#options.format(value)}`.trim();
  }

  #spoken(): string {
    const last = this.#lines
      .filter(({ steps }) => steps.length > 0)
      .map((line) => `${line.run} ${this.#valueAt(line, null)}`);
    return `${this.#options.title} by step. Last values: ${last.join(', ')}`;
  }
}

function seriesOf({ run, part, colour, look }: Line, theme: Theme): uPlot.Series {
  const stroke = theme.runs[colour % theme.runs.length] as string;
  const shared = { label: `${run} ${part}`, stroke, spanGaps: true };
  switch (look) {
    case 'faint':
      return { ...shared, width: 1, alpha: 0.35, points: { show: false } };
    case 'bold':
      return { ...shared, width: 2, points: { show: false } };
    case 'dotted':
      return { ...shared, width: 1.5, dash: [4, 4], points: { show: true, size: 6, fill: stroke, stroke } };
  }
}
