/** What the page remembers over being hidden and reloaded; everything else is asked for again. */
export interface PageState {
  /** Runs in the charts, with the number of the colour each has. */
  readonly colours: Readonly<Record<string, number>>;
  /** The run whose state and evaluation are shown. */
  readonly focused: string | null;
  /** The comparison of methods that is shown in the run's place, or null. */
  readonly comparison: string | null;
  /** Weight of the moving average, 0 to 0.99. */
  readonly smoothing: number;
  readonly logScale: boolean;
  readonly disagreements: boolean;
  readonly filter: string;
  /** Arm of the confusion matrix. */
  readonly arm: string | null;
  /** Metric and cost of the chart of scores; null takes the first there is. */
  readonly scoreMetric: string | null;
  readonly costAxis: string | null;
}

/** A page that was never opened. */
export const freshState: PageState = {
  colours: {},
  focused: null,
  comparison: null,
  smoothing: 0.8,
  logScale: false,
  disagreements: false,
  filter: '',
  arm: null,
  scoreMetric: null,
  costAxis: null,
};

/** The state that was kept, field by field: one of another version, or none at all, gives the fresh one's. */
export function restoredState(kept: unknown): PageState {
  const old = typeof kept === 'object' && kept !== null ? (kept as Readonly<Record<string, unknown>>) : {};
  const field = <K extends keyof PageState>(key: K, fits: (value: unknown) => boolean): PageState[K] =>
    fits(old[key]) ? (old[key] as PageState[K]) : freshState[key];
  const text = (value: unknown): boolean => typeof value === 'string';
  const flag = (value: unknown): boolean => typeof value === 'boolean';
  return {
    colours: field(
      'colours',
      (value) => typeof value === 'object' && value !== null && Object.values(value).every(Number.isInteger),
    ),
    focused: field('focused', text),
    comparison: field('comparison', text),
    smoothing: field('smoothing', (value) => typeof value === 'number' && value >= 0 && value < 1),
    logScale: field('logScale', flag),
    disagreements: field('disagreements', flag),
    filter: field('filter', text),
    arm: field('arm', text),
    scoreMetric: field('scoreMetric', text),
    costAxis: field('costAxis', text),
  };
}

/** The state with a run in the charts, in the first colour that is free. */
export function withRun(state: PageState, runId: string): PageState {
  if (Object.hasOwn(state.colours, runId)) return state;
  const used = new Set(Object.values(state.colours));
  let colour = 0;
  while (used.has(colour)) colour++;
  return { ...state, colours: { ...state.colours, [runId]: colour } };
}

/** The state without a run in the charts. */
export function withoutRun(state: PageState, runId: string): PageState {
  const { [runId]: _, ...colours } = state.colours;
  return { ...state, colours };
}
