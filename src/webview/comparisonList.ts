import type { ComparisonSummary } from '../extension/runsMessages.ts';
import { fill, h } from './dom.ts';
import { formatTime } from './format.ts';

/** The list of comparisons of methods, newest first; hidden where there are none. */
export class ComparisonList {
  readonly element = h('section', { 'aria-label': 'Comparisons of methods', class: 'comparisons' });
  readonly #focus: (id: string) => void;
  readonly #list = h('ul', { class: 'runs' });
  #drawn = '';

  constructor(focus: (id: string) => void) {
    this.#focus = focus;
    this.element.append(h('h2', {}, 'Comparisons'), this.#list);
  }

  draw(comparisons: readonly ComparisonSummary[], focused: string | null): void {
    this.element.hidden = comparisons.length === 0;
    const drawn = JSON.stringify(comparisons);
    if (drawn !== this.#drawn) fill(this.#list, ...comparisons.map((each) => this.#row(each)));
    this.#drawn = drawn;
    for (const button of this.#list.querySelectorAll('button')) {
      button.setAttribute('aria-current', String(button.dataset.id === focused));
    }
  }

  #row({ id, name, started, methods }: ComparisonSummary): HTMLElement {
    return h(
      'li',
      {},
      h(
        'button',
        { type: 'button', title: id, 'data-id': id, onclick: () => this.#focus(id) },
        h('span', { class: 'title' }, name),
        h('span', { class: 'words' }, formatTime(started)),
        h('span', { class: 'words' }, methods.join(', ')),
      ),
    );
  }
}
