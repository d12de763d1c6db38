import {
  type ArmResult,
  type EvaluationResult,
  isBase,
  type RowAnswer,
  type RowResult,
} from '../../evaluation/result.ts';
import { cachedNote, foundNote } from '../../evaluation/views/armNotes.ts';
import { classTable } from '../../evaluation/views/classTable.ts';
import { count, duration, figure, size } from '../../evaluation/views/figureText.ts';
import { binnedError, reliabilityDrawing } from '../../evaluation/views/reliabilityDrawing.ts';
import { drawingMarkup } from './drawings.ts';
import { figureTable } from './figureTables.ts';
import { type Html, html } from './html.ts';

/** Most rows that are shown of those that an arm won, and of those that it lost; the heading counts them all. */
const mostRows = 100;

const kinds = {
  base: 'base model',
  hard_prompt: 'hard prompt',
  adapter: 'adapter',
} satisfies Record<ArmResult['kind'], string>;

/** Arms against figures. */
export function armsTable(result: EvaluationResult): Html {
  const titles = [
    'arm',
    ...[...result.metrics, ...(result.custom_metrics ?? [])].map((metric) => metric.replaceAll('_', ' ')),
    ...['won', 'lost', 'time', 'parameters', 'size'],
  ];
  return html`<div class="wide"><table>
<caption>Won and lost: rows that are right here and wrong with the base model, and the other way round.</caption>
<thead><tr>${titles.map((title) => html`<th scope="col">${title}</th>`)}</tr></thead>
<tbody>${result.arms.map((arm) => armRow(arm, result))}</tbody></table></div>`;
}

function armRow(arm: ArmResult, { metrics, custom_metrics = [], rows }: EvaluationResult): Html {
  const cached = cachedNote(arm, rows.length);
  const reference = isBase(arm);
  const cells = [
    ...metrics.map((metric) => figure(arm.metrics[metric])),
    ...custom_metrics.map((name) => figure(arm.custom?.[name])),
    reference ? '–' : count(arm.wins),
    reference ? '–' : count(arm.losses),
    duration(arm.seconds),
    arm.trainable_parameters === 0 ? '–' : count(arm.trainable_parameters),
    arm.bytes === 0 ? '–' : size(arm.bytes),
  ];
  return html`<tr><th scope="row">${arm.name}<small>${kinds[arm.kind] ?? arm.kind}</small>${cached === null ? '' : html`<small>${cached}</small>`}</th>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>
`;
}

/** The hard prompts in full, and of those that a search ended with what they were worth. */
export function prompts({ arms }: EvaluationResult): Html {
  const hard = arms.filter(({ kind }) => kind === 'hard_prompt');
  if (hard.length === 0) return html``;
  return html`<details><summary>Hard prompts</summary>
${hard.map(
  ({ name, detail, found }) => html`<h3>${name}</h3>
${found === undefined ? '' : html`<p class="quiet">${foundNote(found)}</p>`}
<pre>${found?.prompt ?? detail ?? ''}</pre>
`,
)}</details>`;
}

/** Of every arm that has them: expected labels (rows) against answers (columns), figures of each label, and reliability. */
export function confusions(result: EvaluationResult): Html {
  const arms = result.arms.filter(({ confusion }) => confusion !== null);
  if (arms.length === 0) return html``;
  return html`<h2>Confusions</h2>
${arms.map(
  (
    arm,
  ) => html`<details${arm.kind === 'adapter' ? html` open` : ''}><summary>${arm.name}</summary>${matrix(arm.confusion!)}${byLabel(arm)}</details>
`,
)}`;
}

/** Figures of each label, and how right the arm is by how sure it is, beside each other. */
function byLabel(arm: ArmResult): Html {
  const table = classTable(arm);
  const bins = arm.reliability ?? [];
  if (table === null && bins.length === 0) return html``;
  const diagram = (): Html => html`<figure class="reliability">${drawingMarkup(reliabilityDrawing(arm.name, bins))}
<figcaption>Accuracy by confidence; ECE ${figure(arm.metrics.ece ?? binnedError(bins))}</figcaption></figure>`;
  return html`<div class="side">${table === null ? '' : html`<div>${figureTable(table, false)}</div>`}${bins.length === 0 ? '' : diagram()}</div>`;
}

function matrix({ labels, counts }: NonNullable<ArmResult['confusion']>): Html {
  const answers = [...labels, 'other'];
  const row = (label: string, i: number): Html => {
    const total = (counts[i] ?? []).reduce((sum, each) => sum + each, 0);
    return html`<tr><th scope="row">${label}</th>${answers.map((_, j) => countCell(counts[i]?.[j] ?? 0, total, i === j))}</tr>
`;
  };
  return html`<div class="wide matrix"><table class="confusion">
<thead><tr><th scope="col">expected ↓ answered →</th>${answers.map((answer) => html`<th scope="col">${answer}</th>`)}</tr></thead>
<tbody>${labels.map(row)}</tbody></table></div>`;
}

function countCell(rows: number, total: number, right: boolean): Html {
  const share = total === 0 ? 0 : Math.round((100 * rows) / total);
  return html`<td class="${rows === 0 ? 'none' : right ? 'right' : 'wrong'}" style="--share: ${share}%">${rows}</td>`;
}

/** For every adapter the rows that it won against the base model and those that it lost. */
export function changedRows(result: EvaluationResult): Html {
  const base = result.arms.find(({ kind }) => kind === 'base')?.name;
  const adapters = result.arms.filter(({ kind }) => kind === 'adapter');
  if (base === undefined || adapters.length === 0) return html``;
  return html`<h2>Rows that changed</h2>
${adapters.map(({ name }) => {
  const right = (row: RowResult, arm: string): boolean => row.answers[arm]?.correct === true;
  const won = result.rows.filter((row) => right(row, name) && !right(row, base));
  const lost = result.rows.filter((row) => !right(row, name) && right(row, base));
  return html`<h3>${name}</h3>
${rowList(won, 'won', name, base)}${rowList(lost, 'lost', name, base)}`;
})}`;
}

function rowList(rows: readonly RowResult[], what: 'won' | 'lost', arm: string, base: string): Html {
  if (rows.length === 0) return html`<p class="quiet">No row ${what}.</p>`;
  const cut = rows.length > mostRows ? `; the first ${mostRows} are shown` : '';
  return html`<details${what === 'lost' ? html` open` : ''}><summary>${rows.length} ${rows.length === 1 ? 'row' : 'rows'} ${what}${cut}</summary>
<table class="rows"><thead><tr><th scope="col">row</th><th scope="col">input</th><th scope="col">expected</th><th scope="col">base</th><th scope="col">adapter</th></tr></thead>
<tbody>${rows.slice(0, mostRows).map(
    (
      row,
    ) => html`<tr><td>${row.index + 1}</td><td>${row.input}</td><td>${row.expected.trim()}</td><td>${answerText(row.answers[base])}</td><td class="${what}">${what === 'won' ? '✓' : '✗'} ${answerText(row.answers[arm])}</td></tr>
`,
  )}</tbody></table></details>
`;
}

function answerText(answer: RowAnswer | undefined): string {
  return answer === undefined ? '–' : answer.text.trim() || '(nothing)';
}
