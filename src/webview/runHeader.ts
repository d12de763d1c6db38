import { count, duration, figure } from '../evaluation/views/figureText.ts';
import type { RunSummary } from '../extension/runsMessages.ts';
import { fill, h, setText } from './dom.ts';
import { formatRate } from './format.ts';
import { send } from './host.ts';
import type { RunSeries } from './runSeries.ts';

type Action = 'stop' | 'resume' | 'evaluate' | 'exportReport';

/** The run in focus: its state, how far it is, its figures now, and what can be done with it. */
export class RunHeader {
  readonly #title = h('h2');
  readonly #words = h('p', { class: 'state' });
  readonly #state = h('p', { class: 'spoken', role: 'status' });
  readonly #progress = h('progress', { max: '1', 'aria-label': 'Training' });
  readonly #error = h('p', { class: 'error', role: 'alert' });
  readonly #warnings = h('ul', { class: 'warnings' });
  readonly #figures = h('dl', { class: 'figures' });
  readonly #sample = h('details', { class: 'sample' });
  readonly #sampleText = h('div');
  readonly #buttons: Readonly<Record<Action, HTMLButtonElement>>;
  readonly element: HTMLElement;
  #runId = '';

  constructor() {
    const button = (action: Action, title: string): HTMLButtonElement =>
      h(
        'button',
        { type: 'button', class: 'action', onclick: () => send({ type: action, runId: this.#runId }) },
        title,
      );
    this.#buttons = {
      stop: button('stop', 'Stop'),
      resume: button('resume', 'Resume'),
      evaluate: button('evaluate', 'Evaluate'),
      exportReport: button('exportReport', 'Export Report…'),
    };
    this.#sample.append(h('summary', {}, 'What the model writes now'), this.#sampleText);
    this.element = h(
      'header',
      { class: 'run' },
      h('div', { class: 'line' }, this.#title, ...Object.values(this.#buttons)),
      this.#words,
      this.#state,
      this.#progress,
      this.#error,
      this.#warnings,
      this.#figures,
      this.#sample,
    );
  }

  draw(run: RunSummary, series: RunSeries, trusted: boolean): void {
    this.#runId = run.id;
    setText(this.#title, `${run.name} · seed ${run.seed}`);
    setText(this.#words, `${run.words} · ${run.device}`);
    setText(this.#state, run.state);
    this.#progress.hidden = run.state !== 'training' || run.totalSteps === 0;
    this.#progress.value = run.totalSteps === 0 ? 0 : run.step / run.totalSteps;
    this.#error.hidden = run.error === null;
    setText(this.#error, run.error ?? '');
    this.#buttons.stop.hidden = !run.canStop;
    this.#buttons.resume.hidden = !run.canResume;
    this.#buttons.evaluate.hidden = !run.hasAdapter || run.state === 'training';
    this.#buttons.exportReport.hidden = run.state === 'training';
    for (const button of Object.values(this.#buttons)) {
      button.disabled = !trusted;
      button.title = trusted ? '' : 'Not in an untrusted workspace';
    }
    this.#warnings.hidden = series.warnings.length === 0;
    fill(this.#warnings, ...series.warnings.map((line) => h('li', {}, line)));
    this.#drawFigures(run, series);
    this.#drawSample(series);
  }

  #drawFigures(run: RunSummary, series: RunSeries): void {
    const last = series.steps.at(-1);
    const best = series.best();
    const pace = series.tokensPerSecond();
    const figures: (readonly [string, string])[] = [
      ['Step', run.totalSteps === 0 ? '–' : `${last?.step ?? run.step} / ${run.totalSteps}`],
      ['Loss', last === undefined ? '–' : figure(last.loss)],
      ['Best validation', best === null ? '–' : `${figure(best.loss)} at step ${best.step}`],
      ['Learning rate', last === undefined ? '–' : formatRate(last.learning_rate)],
      ['Tokens/s', pace === null ? '–' : figure(pace)],
      ...trainedFigure(series),
    ];
    if (run.state === 'training') {
      figures.push(['Time left', run.secondsLeft === null ? '–' : duration(Math.round(run.secondsLeft))]);
    } else if (series.done !== null) {
      figures.push(['Took', duration(series.done.seconds)]);
    }
    fill(this.#figures, ...figures.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))));
  }

  #drawSample({ sample }: RunSeries): void {
    this.#sample.hidden = sample === null;
    if (sample === null) return;
    fill(
      this.#sampleText,
      h('p', {}, `Step ${sample.step}`),
      h('pre', {}, sample.input),
      h('p', {}, 'expected ', h('code', {}, sample.expected.trim()), ', wrote ', h('code', {}, sample.output.trim())),
    );
  }
}

/** How much is trained, of how much, and where; targets that matched nothing are named. */
function trainedFigure({ start }: RunSeries): readonly (readonly [string, string])[] {
  if (start === null) return [];
  const { trainable_parameters: trained, total_parameters: all, modules, targets_unmatched: unmatched = [] } = start;
  const share = ((100 * trained) / all).toPrecision(2);
  const where = modules === undefined ? '' : ` in ${modules} modules`;
  const missed = unmatched.length === 0 ? '' : `; nothing is called ${unmatched.join(', ')}`;
  return [['Trains', `${count(trained)} (${share} %)${where}${missed}`]];
}
