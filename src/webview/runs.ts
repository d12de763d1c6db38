import './runs.css';
import type { EvaluationResult } from '../evaluation/result.ts';
import { figure } from '../evaluation/views/figureText.ts';
import type { MethodComparison } from '../experiments/compareMethods.ts';
import type { ComparisonSummary, HostMessage, RunSummary } from '../extension/runsMessages.ts';
import { Chart, type Line } from './chart.ts';
import { ComparisonList } from './comparisonList.ts';
import { ComparisonView } from './comparisonView.ts';
import { fill, h } from './dom.ts';
import { EvaluationView } from './evaluationView.ts';
import { formatRate, formatTime } from './format.ts';
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
let starting = false;
/** The run whose evaluation is to be scrolled to when it is there. */
let evaluationToShow: string | null = null;
let theme = readTheme();
let listed = false;
/** Whether a frame is asked for. */
let drawing = false;
/** Runs whose points and evaluation the extension was asked for. */
const loaded = new Set<string>();
const series = new Map<string, RunSeries>();
const evaluations = new Map<string, EvaluationResult | null>();
let comparisons: readonly ComparisonSummary[] = [];
/** The comparison that was asked for last, and what came of it. */
let compared: { readonly id: string; readonly comparison: MethodComparison | null } | null = null;

const list = new RunList({
  check: (runId, checked) => set(checked ? withRun(state, runId) : withoutRun(state, runId)),
  focus: (runId) => set(withRun({ ...state, focused: runId, comparison: null }, runId)),
});
const comparisonList = new ComparisonList((comparison) => set({ comparison }));
const comparisonView = new ComparisonView((change) => set(change));
const header = new RunHeader();
const lossChart = new Chart({ title: 'Loss', height: 260, format: figure });
const rateChart = new Chart({ title: 'Learning rate', height: 130, format: formatRate });
const paceChart = new Chart({ title: 'Tokens per second', height: 130, format: figure });
const evaluation = new EvaluationView((change) => set(change));
const evaluationTitle = h('h2', {}, 'Evaluation');
const welcome = h('p', { class: 'empty' });
const content = h('div', { class: 'content' });
const app = document.querySelector('#app') as HTMLElement;

content.append(
  header.element,
  chartControls(),
  lossChart.element,
  h('div', { class: 'pair' }, rateChart.element, paceChart.element),
  evaluationTitle,
  evaluation.element,
);
fill(
  app,
  h('nav', { 'aria-label': 'Runs' }, h('h2', {}, 'Runs'), list.element, comparisonList.element),
  welcome,
  content,
  comparisonView.element,
);

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
      starting = message.starting;
      takeRuns(message.runs, message.trusted);
      break;
    case 'events':
      if (message.whole && loaded.has(message.runId)) series.set(message.runId, new RunSeries());
      series.get(message.runId)?.add(message.events, message.warnings);
      break;
    case 'evaluation':
      evaluations.set(message.runId, message.result);
      break;
    case 'comparisons':
      comparisons = message.comparisons;
      if (comparisons.every(({ id }) => id !== state.comparison)) set({ comparison: null });
      loadComparison();
      break;
    case 'comparison':
      if (compared?.id === message.comparisonId) compared = { id: compared.id, comparison: message.comparison };
      break;
    case 'show':
      evaluationToShow = message.part === 'evaluation' ? message.runId : null;
      set(withRun({ ...state, focused: message.runId, comparison: null }, message.runId));
      break;
  }
  drawSoon();
}

/** Takes the list; forgets runs that are gone, and shows the newest when none is shown. */
function takeRuns(next: readonly RunSummary[], nextTrusted: boolean): void {
  runs = next;
  trusted = nextTrusted;
  const ids = new Set(runs.map((run) => run.id));
  const gone = Object.keys(state.colours).filter((runId) => !ids.has(runId));
  const kept = gone.reduce(withoutRun, state);
  const newest = runs[0]?.id ?? null;
  if (kept.focused !== null && ids.has(kept.focused)) set(kept);
  else set(newest === null ? { ...kept, focused: null } : withRun({ ...kept, focused: newest }, newest));
  listed = true;
}

/** Changes the state, and asks for the runs that are shown from now on. */
function set(change: Partial<PageState>): void {
  state = { ...state, ...change };
  keep(state);
  const wanted = new Set(Object.keys(state.colours));
  if (state.focused !== null) wanted.add(state.focused);
  for (const runId of loaded) if (!wanted.has(runId)) unload(runId);
  for (const runId of wanted) if (!loaded.has(runId)) load(runId);
  loadComparison();
  drawSoon();
}

function load(runId: string): void {
  loaded.add(runId);
  series.set(runId, new RunSeries());
  send({ type: 'load', runId });
}

/** Asks for the comparison that is shown, once the list has it. */
function loadComparison(): void {
  const shown = comparisons.find(({ id }) => id === state.comparison);
  if (shown === undefined || compared?.id === shown.id) return;
  compared = { id: shown.id, comparison: null };
  send({ type: 'loadComparison', comparisonId: shown.id });
}

function unload(runId: string): void {
  loaded.delete(runId);
  series.delete(runId);
  evaluations.delete(runId);
  send({ type: 'unload', runId });
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
  comparisonList.draw(comparisons, state.comparison);
  const shown = comparisons.find(({ id }) => id === state.comparison) ?? null;
  comparisonView.element.hidden = shown === null;
  if (shown !== null) comparisonView.draw(shown, compared?.comparison ?? null, state);
  const run = shown !== null ? null : (runs.find(({ id }) => id === state.focused) ?? null);
  welcome.hidden = run !== null || shown !== null;
  content.hidden = run === null;
  welcome.textContent = welcomeWords();
  if (run === null) return;
  header.draw(run, series.get(run.id) ?? new RunSeries(), trusted);
  drawCharts(run);
  evaluation.draw(evaluations.get(run.id) ?? null, state, evaluationWords(run));
  if (evaluationToShow === run.id && evaluations.get(run.id) != null) {
    evaluationToShow = null;
    evaluationTitle.scrollIntoView();
  }
}

function drawCharts(focused: RunSummary): void {
  const empty =
    focused.state === 'training'
      ? 'No points yet: they come with the first steps.'
      : 'No step of the checked runs is recorded.';
  lossChart.draw(lines(lossLines), theme, state.logScale, empty);
  rateChart.draw(lines(rateLines), theme, false, empty);
  paceChart.draw(lines(paceLines), theme, false, empty);
}

/** Draws one run's part of a chart. */
type RunLines = (run: Pick<Line, 'runId' | 'run' | 'colour'>, series: RunSeries) => Line[];

function lines(of: RunLines): Line[] {
  return runs.flatMap((run) => {
    const colour = state.colours[run.id];
    const points = series.get(run.id);
    if (colour === undefined || points === undefined) return [];
    return of({ runId: run.id, run: runName(run), colour: colour % runColours }, points);
  });
}

/** The run's name in the charts, with as much as it takes to tell it from the others there. */
function runName(run: RunSummary): string {
  const others = runs.filter(({ id, name }) => id !== run.id && name === run.name && Object.hasOwn(state.colours, id));
  if (others.length === 0) return run.name;
  if (others.every(({ seed }) => seed !== run.seed)) return `${run.name} (seed ${run.seed})`;
  return `${run.name} (${formatTime(run.started)})`;
}

const lossLines: RunLines = (run, { steps, evals }) => {
  const at = steps.map(({ step }) => step);
  const losses = steps.map(({ loss }) => loss);
  return [
    { ...run, part: 'step', look: 'faint', steps: at, values: losses },
    { ...run, part: 'smoothed', look: 'bold', steps: at, values: smoothed(losses, state.smoothing) },
    {
      ...run,
      part: 'validation',
      look: 'dotted',
      steps: evals.map(({ step }) => step),
      values: evals.map(({ loss }) => loss),
    },
  ];
};

const rateLines: RunLines = (run, { steps }) => {
  const values = steps.map((step) => step.learning_rate);
  return [{ ...run, part: '', look: 'bold', steps: steps.map(({ step }) => step), values }];
};

const paceLines: RunLines = (run, { steps }) => {
  const paces = steps.map(({ tokens, seconds }) => (seconds > 0 ? tokens / seconds : 0));
  const values = smoothed(paces, state.smoothing);
  return [{ ...run, part: '', look: 'bold', steps: steps.map(({ step }) => step), values }];
};

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
  if (starting) return 'A training is starting: its first points come when the model is loaded.';
  return trusted
    ? 'No run yet. Start one with “Softprompt: Train Experiment”.'
    : 'No run here, and none can be started: the workspace is not trusted.';
}

function evaluationWords(run: RunSummary): string {
  if (run.state === 'training') return 'The run can be evaluated when it is over.';
  if (!run.hasAdapter) return 'There is nothing to evaluate: the run has left no adapter.';
  return 'Not evaluated yet. “Evaluate” compares the adapter with the base model and the hard prompts on the test rows.';
}
