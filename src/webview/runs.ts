import './runs.css';
import type { EvaluationResult } from '../evaluation/result.ts';
import type { HostMessage, RunSummary } from '../extension/runsMessages.ts';
import { Chart, type Line } from './chart.ts';
import { fill, h } from './dom.ts';
import { EvaluationView } from './evaluationView.ts';
import { formatFigure, formatRate } from './format.ts';
import { keep, kept, send } from './host.ts';
import { type PageState, restoredState, withoutRun, withRun } from './pageState.ts';
import { RunHeader } from './runHeader.ts';
import { RunList } from './runList.ts';
import { RunSeries } from './runSeries.ts';
import { smoothed } from './smoothing.ts';
import { onThemeChange, readTheme, runColours } from './theme.ts';

/**
 * The runs panel's page. It asks the extension for the runs it shows and draws what comes, at most once a frame; what it
 * must not forget when it is hidden or reloaded is in its PageState.
 */

let state: PageState = restoredState(kept());
let runs: readonly RunSummary[] = [];
let trusted = true;
let theme = readTheme();
let listed = false;
/** Whether a frame is asked for. */
let drawing = false;
const series = new Map<string, RunSeries>();
const evaluations = new Map<string, EvaluationResult | null>();

const list = new RunList({
  check: (runId, checked) => (checked ? addRun(runId) : removeRun(runId)),
  focus: (runId) => focusRun(runId),
});
const header = new RunHeader();
const lossChart = new Chart({ title: 'Loss', height: 260, format: formatFigure });
const rateChart = new Chart({ title: 'Learning rate', height: 130, format: formatRate });
const paceChart = new Chart({ title: 'Tokens per second', height: 130, format: formatFigure });
const evaluation = new EvaluationView((change) => set(change));
const welcome = h('p', { class: 'empty' });
const content = h('div', { class: 'content' });
const app = document.querySelector('#app') as HTMLElement;

content.append(
  header.element,
  chartControls(),
  lossChart.element,
  h('div', { class: 'pair' }, rateChart.element, paceChart.element),
  h('h2', {}, 'Evaluation'),
  evaluation.element,
);
fill(app, h('nav', { 'aria-label': 'Runs' }, h('h2', {}, 'Runs'), list.element), welcome, content);

window.addEventListener('message', ({ data }: MessageEvent<HostMessage>) => receive(data));
onThemeChange(() => {
  theme = readTheme();
  drawSoon();
});
send({ type: 'ready' });
draw();

function receive(message: HostMessage): void {
  switch (message.type) {
    case 'runs':
      takeRuns(message.runs, message.trusted);
      break;
    case 'events':
      if (message.whole) series.set(message.runId, new RunSeries());
      series.get(message.runId)?.add(message.events);
      break;
    case 'evaluation':
      evaluations.set(message.runId, message.result);
      break;
    case 'show':
      focusRun(message.runId);
      break;
  }
  drawSoon();
}

/** Takes the list; on the first, asks for what was shown before, or shows the newest run. */
function takeRuns(next: readonly RunSummary[], nextTrusted: boolean): void {
  runs = next;
  trusted = nextTrusted;
  const ids = new Set(runs.map((run) => run.id));
  for (const runId of Object.keys(state.colours)) if (!ids.has(runId)) removeRun(runId);
  if (listed) return;
  listed = true;
  const focused = state.focused !== null && ids.has(state.focused) ? state.focused : runs[0]?.id;
  for (const runId of Object.keys(state.colours)) send({ type: 'load', runId });
  if (focused !== undefined) focusRun(focused);
}

function focusRun(runId: string): void {
  const before = state.focused;
  set({ focused: runId });
  addRun(runId);
  if (before !== runId && evaluations.get(runId) === undefined) send({ type: 'load', runId });
}

function addRun(runId: string): void {
  if (Object.hasOwn(state.colours, runId)) return;
  set(withRun(state, runId));
  send({ type: 'load', runId });
}

function removeRun(runId: string): void {
  set(withoutRun(state, runId));
  series.delete(runId);
  send({ type: 'unload', runId });
}

function set(change: Partial<PageState>): void {
  state = { ...state, ...change };
  keep(state);
  drawSoon();
}

function drawSoon(): void {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    draw();
  });
}

function draw(): void {
  list.draw(runs, state);
  const run = runs.find(({ id }) => id === state.focused) ?? null;
  welcome.hidden = run !== null;
  content.hidden = run === null;
  welcome.textContent = welcomeWords();
  if (run === null) return;
  header.draw(run, series.get(run.id) ?? new RunSeries(), trusted);
  drawCharts(run);
  evaluation.draw(evaluations.get(run.id) ?? null, state, evaluationWords(run));
}

function drawCharts(focused: RunSummary): void {
  const empty =
    focused.state === 'training'
      ? 'The first step has not been taken yet.'
      : 'No step of the checked runs is recorded.';
  lossChart.draw(lines(lossLines), theme, state.logScale, empty);
  rateChart.draw(lines(rateLines), theme, false, empty);
  paceChart.draw(lines(paceLines), theme, false, empty);
}

type Lines = (name: string, colour: number, run: RunSeries) => Line[];

function lines(of: Lines): Line[] {
  return runs.flatMap((run) => {
    const colour = state.colours[run.id];
    const points = series.get(run.id);
    return colour === undefined || points === undefined ? [] : of(runName(run), colour % runColours, points);
  });
}

/** The run's name in a readout: with the seed when another run in the charts has the same name. */
function runName(run: RunSummary): string {
  const same = runs.filter(({ id, name }) => name === run.name && Object.hasOwn(state.colours, id));
  return same.length > 1 ? `${run.name} (seed ${run.seed})` : run.name;
}

function lossLines(name: string, colour: number, { steps, evals }: RunSeries): Line[] {
  const at = steps.map(({ step }) => step);
  const losses = steps.map(({ loss }) => loss);
  return [
    { label: `${name} step`, colour, look: 'faint', steps: at, values: losses },
    { label: `${name} smoothed`, colour, look: 'bold', steps: at, values: smoothed(losses, state.smoothing) },
    {
      label: `${name} validation`,
      colour,
      look: 'dotted',
      steps: evals.map(({ step }) => step),
      values: evals.map(({ loss }) => loss),
    },
  ];
}

function rateLines(name: string, colour: number, { steps }: RunSeries): Line[] {
  const values = steps.map((step) => step.learning_rate);
  return [{ label: name, colour, look: 'bold', steps: steps.map(({ step }) => step), values }];
}

function paceLines(name: string, colour: number, { steps }: RunSeries): Line[] {
  const values = steps.map(({ tokens, seconds }) => (seconds > 0 ? tokens / seconds : 0));
  return [
    {
      label: name,
      colour,
      look: 'bold',
      steps: steps.map(({ step }) => step),
      values: smoothed(values, state.smoothing),
    },
  ];
}

function chartControls(): HTMLElement {
  const smoothing = h('input', { type: 'range', min: '0', max: '0.99', step: '0.01', value: state.smoothing });
  smoothing.addEventListener('input', () => set({ smoothing: Number(smoothing.value) }));
  const log = h('input', { type: 'checkbox', checked: state.logScale });
  log.addEventListener('change', () => set({ logScale: log.checked }));
  return h(
    'div',
    { class: 'controls' },
    h('label', {}, 'Smoothing ', smoothing),
    h('label', {}, log, ' Logarithmic'),
    h('span', { class: 'key' }, 'faint: each step · bold: smoothed · dotted: validation'),
  );
}

function welcomeWords(): string {
  if (!listed) return 'Reading the runs…';
  if (runs.length > 0) return 'Choose a run.';
  return trusted
    ? 'No run yet. Start one with “Softprompt: Train Experiment”.'
    : 'No run here, and none can be started: the workspace is not trusted.';
}

function evaluationWords(run: RunSummary): string {
  if (run.state === 'training') return 'The run can be evaluated when it is over.';
  if (!run.hasAdapter) return 'There is nothing to evaluate: the run has left no adapter.';
  return 'Not evaluated yet. “Evaluate” compares the adapter with the base model and the hard prompts on the test rows.';
}
