import type { MethodComparison } from '../experiments/compareMethods.ts';
import type { ComparisonSummary } from '../extension/runsMessages.ts';
import { fill, h, setText } from './dom.ts';
import { type ComparisonState, EvaluationView } from './evaluationView.ts';
import { figureTable } from './figureTable.ts';
import { formatTime } from './format.ts';
import { failedMethods, methodsTable } from './methodsTable.ts';

/** A comparison of methods: how each was trained, and all of them as arms on the same rows. */
export class ComparisonView {
  readonly element: HTMLElement;
  readonly #title = h('h2');
  readonly #words = h('p', { class: 'state' });
  readonly #methods = h('div');
  readonly #evaluation: EvaluationView;
  #shown: MethodComparison | null = null;

  constructor(change: (change: Partial<ComparisonState>) => void) {
    this.#evaluation = new EvaluationView(change);
    this.element = h(
      'div',
      { class: 'content' },
      this.#title,
      this.#words,
      this.#methods,
      h('h2', {}, 'Evaluation'),
      this.#evaluation.element,
    );
  }

  /** Shows a comparison; `comparison` is null while it is read, or where it cannot be. */
  draw(
    { name, started, methods }: ComparisonSummary,
    comparison: MethodComparison | null,
    state: ComparisonState,
  ): void {
    setText(this.#title, `Methods for ${name}`);
    setText(this.#words, `${formatTime(started)} · ${methods.join(', ')}, trained from one seed under one budget`);
    if (comparison !== this.#shown || comparison === null) {
      fill(this.#methods, ...(comparison === null ? [] : methodFigures(comparison)));
    }
    this.#shown = comparison;
    this.#evaluation.draw(comparison?.evaluation ?? null, state, 'There is no evaluation to read.');
  }
}

function methodFigures(comparison: MethodComparison): readonly HTMLElement[] {
  const failed = failedMethods(comparison).map((words) => h('li', {}, words));
  const table = figureTable(methodsTable(comparison));
  return failed.length === 0 ? [table] : [table, h('ul', { class: 'warnings' }, ...failed)];
}
