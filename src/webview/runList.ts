import type { RunSummary } from '../extension/runsMessages.ts';
import { fill, h, setText } from './dom.ts';
import { formatTime } from './format.ts';
import type { PageState } from './pageState.ts';
import { runColours } from './theme.ts';

/** What a person does in the list. */
export interface RunListActions {
  /** Puts a run into the charts, or takes it out. */
  check(runId: string, checked: boolean): void;
  /** Shows a run's state and evaluation. */
  focus(runId: string): void;
}

interface Row {
  readonly element: HTMLLIElement;
  readonly box: HTMLInputElement;
  readonly button: HTMLButtonElement;
  readonly words: HTMLElement;
}

/** The list of runs: a check box for the charts, a button for the run itself. Rows stay, so that the focus does. */
export class RunList {
  readonly element = h('ul', { class: 'runs', 'aria-label': 'Runs' });
  readonly #actions: RunListActions;
  #rows = new Map<string, Row>();

  constructor(actions: RunListActions) {
    this.#actions = actions;
  }

  draw(runs: readonly RunSummary[], state: PageState): void {
    const rows = new Map(runs.map((run) => [run.id, this.#rows.get(run.id) ?? this.#row(run)]));
    const same = rows.size === this.#rows.size && [...rows.keys()].every((id, i) => id === [...this.#rows.keys()][i]);
    this.#rows = rows;
    if (!same) fill(this.element, ...[...rows.values()].map((row) => row.element));
    for (const run of runs) {
      const { element, box, button, words } = rows.get(run.id) as Row;
      const colour = state.colours[run.id];
      element.className = colour === undefined ? '' : `colour-${colour % runColours}`;
      box.checked = colour !== undefined;
      button.setAttribute('aria-current', String(run.id === state.focused && state.comparison === null));
      setText(words, run.words);
    }
  }

  #row(run: RunSummary): Row {
    const title = `${run.name} · seed ${run.seed}`;
    const box = h('input', { type: 'checkbox', 'aria-label': `${title} in the charts`, title: 'Show in the charts' });
    box.addEventListener('change', () => this.#actions.check(run.id, box.checked));
    const words = h('span', { class: 'words' });
    const button = h(
      'button',
      { type: 'button', title: run.id, onclick: () => this.#actions.focus(run.id) },
      h('span', { class: 'title' }, title),
      h('span', { class: 'words' }, formatTime(run.started)),
      words,
    );
    return { element: h('li', {}, box, h('i', { class: 'dot' }), button), box, button, words };
  }
}
