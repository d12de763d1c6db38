import type { EvaluationResult } from '../evaluation/result.ts';
import { avoided, costFigures, forgetting, hardPrompts } from './armFigures.ts';
import { armsTable } from './armsTable.ts';
import { RowFilter } from './comparison.ts';
import { confusionMatrix } from './confusionMatrix.ts';
import { fill, h, setText } from './dom.ts';
import { labelFigures } from './labelFigures.ts';
import type { PageState } from './pageState.ts';
import { pairsTable, verdictList } from './pairsTable.ts';
import { RowsTable } from './rowsTable.ts';
import { ScoreChart } from './scoreChart.ts';

/** What of the page's state a person changes here. */
export type ComparisonState = Pick<PageState, 'arm' | 'filter' | 'disagreements' | 'scoreMetric' | 'costAxis'>;

/** An evaluation: the arms compared, what they cost, one arm by label, and every row with every arm's answer. */
export class EvaluationView {
  readonly element = h('div', { class: 'evaluation' });
  readonly #change: (change: Partial<ComparisonState>) => void;
  readonly #table = new RowsTable();
  readonly #count = h('span', { class: 'count', role: 'status' });
  readonly #matrix = h('div');
  readonly #chart: ScoreChart;
  #result: EvaluationResult | null = null;
  #filter: RowFilter | null = null;

  constructor(change: (change: Partial<ComparisonState>) => void) {
    this.#change = change;
    this.#chart = new ScoreChart(change);
  }

  /** Shows a result, or why there is none. */
  draw(result: EvaluationResult | null, state: ComparisonState, empty: string): void {
    if (result === null) {
      this.#result = null;
      fill(this.element, h('p', { class: 'empty' }, empty));
      return;
    }
    if (result.id === this.#result?.id) return;
    this.#result = result;
    this.#filter = new RowFilter(result);
    fill(
      this.element,
      armsTable(result),
      ...verdictList(result),
      ...pairsTable(result),
      ...hardPrompts(result),
      ...costFigures(result),
      this.#chart.element,
      ...forgetting(result),
      ...avoided(result),
      h('h3', {}, 'Confusions'),
      this.#armChoice(result, state),
      this.#matrix,
      h('h3', {}, 'Rows'),
      this.#filters(state),
      this.#table.element,
    );
    this.#chart.draw(result, state);
    this.#drawMatrix(state.arm);
    this.#drawRows(state);
  }

  #armChoice(result: EvaluationResult, { arm }: ComparisonState): HTMLElement {
    const chosen = shownArm(result, arm);
    const options = result.arms.map(({ name }) => h('option', { value: name, selected: name === chosen.name }, name));
    const select = h('select', {}, ...options);
    select.addEventListener('change', () => {
      this.#change({ arm: select.value });
      this.#drawMatrix(select.value);
    });
    return h('label', { class: 'choice' }, 'Arm ', select);
  }

  #drawMatrix(arm: string | null): void {
    if (this.#result === null) return;
    const shown = shownArm(this.#result, arm);
    fill(this.#matrix, confusionMatrix(shown), ...labelFigures(shown));
  }

  #filters(state: ComparisonState): HTMLElement {
    const text = h('input', {
      type: 'search',
      placeholder: 'Filter rows',
      'aria-label': 'Filter rows',
      value: state.filter,
    });
    const box = h('input', { type: 'checkbox', checked: state.disagreements });
    const changed = (): void => {
      const change = { filter: text.value, disagreements: box.checked };
      this.#change(change);
      this.#drawRows(change);
    };
    text.addEventListener('input', changed);
    box.addEventListener('change', changed);
    return h('div', { class: 'filters' }, text, h('label', {}, box, ' Disagreements only'), this.#count);
  }

  #drawRows({ filter, disagreements }: Pick<ComparisonState, 'filter' | 'disagreements'>): void {
    if (this.#result === null || this.#filter === null) return;
    const rows = this.#filter.rows(filter, disagreements);
    setText(this.#count, `${rows.length} of ${this.#result.rows.length} rows`);
    this.#table.draw(this.#result, rows);
  }
}

/** The arm that was chosen, else the first adapter, which is what one wants to know about. */
function shownArm(result: EvaluationResult, chosen: string | null): EvaluationResult['arms'][number] {
  const { arms } = result;
  const arm = arms.find(({ name }) => name === chosen) ?? arms.find(({ kind }) => kind === 'adapter') ?? arms[0];
  if (arm === undefined) throw new Error('An evaluation has at least the base model as an arm.');
  return arm;
}
