import { metricMeanings } from '../../evaluation/metrics/meaning.ts';
import type { EvaluationResult } from '../../evaluation/result.ts';
import { avoidedTable } from '../../evaluation/views/avoidedTable.ts';
import { costTable } from '../../evaluation/views/costs.ts';
import { guardTables, untouchedLines } from '../../evaluation/views/forgetting.ts';
import { chartChoices, scoreAgainstCost } from '../../evaluation/views/scoreAgainstCost.ts';
import { scoreDrawing } from '../../evaluation/views/scoreDrawing.ts';
import { drawingMarkup } from './drawings.ts';
import { figureTable } from './figureTables.ts';
import { type Html, html } from './html.ts';

/** Size of a chart of which two stand beside each other. */
const chart = { width: 430, height: 300 };

/** How likely the arms find what is to be avoided; nothing where nothing is. */
export function avoided(result: EvaluationResult): Html {
  const table = avoidedTable(result);
  return table === null ? html`` : figureTable(table, true);
}

/** What the arms are on the guards' rows, and whether the base model is what it was; nothing without guards. */
export function forgetting(result: EvaluationResult): Html {
  const tables = guardTables(result);
  const lines = untouchedLines(result.arms);
  if (tables.length === 0 && lines.length === 0) return html``;
  return html`<h3>Forgetting</h3>
<div class="side">${tables.map((table) => html`<div><p class="guard">${table.title}</p>${figureTable(table, false)}</div>`)}</div>
${lines.map(({ text, same }) => html`<p class="${same ? 'better' : 'worse'}">${same ? '✓' : '✗'} ${text}</p>`)}`;
}

/** The arms' first metric against each cost that tells them apart. */
export function scoresAgainstCosts(result: EvaluationResult): Html {
  const { metrics, axes } = chartChoices(result);
  const [metric] = metrics;
  if (metric === undefined || axes.length === 0) return html``;
  const { title, moreIsBetter } = metricMeanings[metric];
  return html`<h3>Score against size and time</h3>
<div class="side charts">${axes.map((axis) => html`<figure>${drawingMarkup(scoreDrawing(scoreAgainstCost(result, metric, axis), chart.width, chart.height))}</figure>`)}</div>
<p class="quiet">${title}; ${moreIsBetter ? 'more' : 'less'} is better. ● adapter, ◆ hard prompt, ■ base model; full and on the line: nothing else scores as well for as little.</p>`;
}

/** What each arm costs; nothing where that was not measured. */
export function costs(result: EvaluationResult): Html {
  const table = costTable(result);
  if (table === null) return html``;
  return html`<details open><summary>${table.title}</summary>${figureTable(table, false)}</details>`;
}
