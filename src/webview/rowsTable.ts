import type { ArmResult, EvaluationResult, RowAnswer, RowResult } from '../evaluation/result.ts';
import { figure } from '../evaluation/views/figureText.ts';
import { fill, h, spoken } from './dom.ts';
import { formatShare } from './format.ts';

/** Height of a row, pixels; the style sheet's `.rows [role=row]` has the same. */
const rowHeight = 30;
/** Columns from left to right: the adapters stand beside the base, where a narrow panel still shows them. */
const kindOrder = { base: 0, adapter: 1, hard_prompt: 2 } satisfies Record<ArmResult['kind'], number>;

/** Rows drawn beyond the edges, so that scrolling shows no gap. */
const margin = 8;

/**
 * A table of rows with every arm's answer. Only the rows in sight are in the document, so a thousand rows with six arms
 * scroll and filter at once. The arrow keys move; the row they are on is shown in full under the table.
 */
export class RowsTable {
  readonly element: HTMLElement;
  readonly #scroller = h('div', { class: 'rows', role: 'table', tabindex: '0', 'aria-label': 'Rows and answers' });
  readonly #head = h('div', { role: 'row', class: 'head', 'aria-rowindex': '1' });
  readonly #body = h('div', { class: 'body', role: 'rowgroup' });
  readonly #detail = h('section', { class: 'row-detail', 'aria-label': 'The row in full', 'aria-live': 'polite' });
  #arms: readonly string[] = [];
  #rows: readonly RowResult[] = [];
  #current = 0;

  constructor() {
    this.#scroller.append(h('div', { role: 'rowgroup', class: 'head-group' }, this.#head), this.#body);
    this.#scroller.addEventListener('scroll', () => this.#drawWindow());
    this.#scroller.addEventListener('keydown', (event) => this.#key(event));
    this.#body.addEventListener('click', (event) => this.#click(event));
    new ResizeObserver(() => this.#drawWindow()).observe(this.#scroller);
    this.element = h('div', {}, this.#scroller, this.#detail);
  }

  /** Shows these rows of a result, from the top. */
  draw(result: EvaluationResult, rows: readonly RowResult[]): void {
    this.#arms = [...result.arms].sort((a, b) => kindOrder[a.kind] - kindOrder[b.kind]).map((arm) => arm.name);
    this.#rows = rows;
    this.#current = 0;
    const titles = ['Row', 'Input', 'Expected', ...this.#arms];
    fill(this.#head, ...titles.map((title) => h('div', { role: 'columnheader', title }, title)));
    this.#scroller.style.setProperty('--arms', String(this.#arms.length));
    this.#scroller.setAttribute('aria-rowcount', String(rows.length + 1));
    this.#body.style.height = `${rows.length * rowHeight}px`;
    this.#scroller.scrollTop = 0;
    this.#drawWindow();
    this.#drawDetail();
  }

  #drawWindow(): void {
    const first = Math.max(0, Math.floor(this.#scroller.scrollTop / rowHeight) - margin);
    const last = Math.ceil((this.#scroller.scrollTop + this.#scroller.clientHeight) / rowHeight) + margin;
    const rows = this.#rows.slice(first, last).map((row, i) => this.#row(row, first + i));
    if (rows.length === 0) rows.push(h('div', { class: 'empty' }, 'No row matches the filter.'));
    fill(this.#body, ...rows);
  }

  #row(row: RowResult, place: number): HTMLElement {
    const element = h(
      'div',
      {
        role: 'row',
        'aria-rowindex': place + 2,
        'data-place': place,
        class: place === this.#current ? 'current' : undefined,
      },
      h('div', { role: 'cell', class: 'number' }, String(row.index + 1)),
      h('div', { role: 'cell', title: row.input }, row.input),
      h('div', { role: 'cell', title: row.expected }, row.expected.trim()),
      ...this.#arms.map((arm) => answerCell(row.answers[arm])),
    );
    element.style.transform = `translateY(${place * rowHeight}px)`;
    return element;
  }

  #click(event: Event): void {
    const row = (event.target as Element).closest<HTMLElement>('[data-place]');
    if (row !== null) this.#moveTo(Number(row.dataset.place));
  }

  #key(event: KeyboardEvent): void {
    const page = Math.max(1, Math.floor(this.#scroller.clientHeight / rowHeight) - 2);
    const places: Readonly<Record<string, number>> = {
      ArrowDown: this.#current + 1,
      ArrowUp: this.#current - 1,
      PageDown: this.#current + page,
      PageUp: this.#current - page,
      Home: 0,
      End: this.#rows.length - 1,
    };
    const place = places[event.key];
    if (place === undefined) return;
    event.preventDefault();
    this.#moveTo(place);
  }

  #moveTo(place: number): void {
    this.#current = Math.max(0, Math.min(place, this.#rows.length - 1));
    const top = this.#current * rowHeight;
    const bottom = top + 2 * rowHeight;
    const { scrollTop, clientHeight } = this.#scroller;
    if (top < scrollTop) this.#scroller.scrollTop = top;
    else if (bottom > scrollTop + clientHeight) this.#scroller.scrollTop = bottom - clientHeight;
    this.#drawWindow();
    this.#drawDetail();
  }

  #drawDetail(): void {
    const row = this.#rows[this.#current];
    this.#detail.hidden = row === undefined;
    if (row === undefined) return;
    fill(
      this.#detail,
      h('h4', {}, `Row ${row.index + 1}`),
      h('pre', {}, row.input),
      h('p', {}, 'expected ', h('code', {}, row.expected.trim())),
      h('ul', {}, ...this.#arms.map((arm) => h('li', {}, `${arm}: `, ...answerInFull(row.answers[arm])))),
    );
  }
}

function answerCell(answer: RowAnswer | undefined): HTMLElement {
  if (answer === undefined) return h('div', { role: 'cell' }, '–');
  const text = answer.text.trim();
  return h(
    'div',
    { role: 'cell', class: answer.correct ? 'right' : 'wrong', title: text },
    h('span', { class: 'mark', 'aria-hidden': 'true' }, answer.correct ? '✓' : '✗'),
    text === '' ? '(nothing)' : text,
    spoken(answer.correct ? ' (correct)' : ' (wrong)'),
  );
}

function answerInFull(answer: RowAnswer | undefined): (Node | string)[] {
  if (answer === undefined) return ['no answer'];
  const figures = [answer.correct ? '✓ correct' : '✗ wrong'];
  if (answer.probability !== null) figures.push(formatShare(answer.probability));
  figures.push(`loss ${figure(answer.target_loss)}`);
  const greedy = answer.greedy === undefined ? [] : [', greedily ', h('code', {}, answer.greedy.trim() || '(nothing)')];
  return [h('code', {}, answer.text.trim() || '(nothing)'), ` ${figures.join(' · ')}`, ...greedy];
}
