import { basename } from 'node:path';
import { stringify } from 'yaml';
import type { EvaluationResult } from '../../evaluation/result.ts';
import { count, duration, figure, moment } from '../../evaluation/views/figureText.ts';
import type { DoneEvent, StartEvent, TrainingEvent } from '../../training/events.ts';
import type { AdapterCard, RunRecord } from '../records.ts';
import { startWarnings } from '../startWarnings.ts';
import { avoided, costs, forgetting, scoresAgainstCosts } from './armFigures.ts';
import { armsTable, changedRows, confusions, prompts } from './comparison.ts';
import { Html, html } from './html.ts';
import { lossChart } from './lossChart.ts';
import { style } from './style.ts';

/** Everything on disk that a report tells of a run. */
export interface ReportRecords {
  readonly run: RunRecord;
  /** The experiment as run. */
  readonly experiment: unknown;
  readonly events: readonly TrainingEvent[];
  readonly evaluation: EvaluationResult | null;
  /** Of the adapter the run made; null where it made none, or it is gone. */
  readonly card: AdapterCard | null;
  /** SHA-256 of the adapter's files of tensors, by name. */
  readonly tensors: ReadonlyMap<string, string>;
}

/**
 * A run as one HTML page that needs nothing else: no script, no font, no address; its policy forbids the browser to load
 * any. Everything that comes from records is escaped. A function of the records alone, so the same run gives the same page.
 */
export function reportPage(records: ReportRecords): string {
  const { run, evaluation } = records;
  const page = html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${run.name} · ${run.id}</title>
<style>${new Html(style)}</style>
</head>
<body><main>
<h1>${run.name}</h1>
<p class="quiet">Run ${run.id} · seed ${run.seed} · ${run.device} · ${stateWords(run)}</p>
${run.error === null ? '' : html`<p class="failure">${run.error}</p>`}
${evaluation === null ? '' : verdicts(evaluation)}
${evaluation === null ? html`<h2>Comparison</h2><p class="quiet">The run has not been evaluated.</p>` : comparison(evaluation)}
${training(records)}
${evaluation === null ? '' : [confusions(evaluation), changedRows(evaluation)]}
${checksTable(records.card)}
${provenance(records)}
<h2>Experiment as run</h2>
<pre>${stringify(records.experiment, { lineWidth: 0 }).trimEnd()}</pre>
</main></body>
</html>
`;
  return page.text;
}

function stateWords({ state, steps, totalSteps, started }: RunRecord): string {
  return `${state} after ${count(steps)} of ${count(totalSteps)} steps · ${moment(started)}`;
}

function verdicts(evaluation: EvaluationResult): Html {
  const sentences = [...(evaluation.verdicts ?? []), ...(evaluation.remarks ?? [])];
  if (sentences.length === 0) return html``;
  return html`<div class="verdicts">${sentences.map((sentence) => html`<p>${sentence}</p>`)}</div>`;
}

function comparison(evaluation: EvaluationResult): Html {
  return html`<h2>Comparison</h2>
<p class="quiet">${count(evaluation.rows.length)} rows of ${basename(evaluation.data)}, ${moment(evaluation.created)}; ${evaluation.mode === 'choice' ? 'labels ranked by likelihood' : 'greedy generation'}.</p>
${armsTable(evaluation)}
${prompts(evaluation)}
${scoresAgainstCosts(evaluation)}
${costs(evaluation)}
${forgetting(evaluation)}
${avoided(evaluation)}`;
}

function training({ events }: ReportRecords): Html {
  const chart = lossChart(events);
  const start = events.findLast((event): event is StartEvent => event.event === 'start');
  const done = events.findLast((event): event is DoneEvent => event.event === 'done');
  const facts: (readonly [string, string])[] = [];
  if (start !== undefined) {
    if (start.rows_form !== undefined) facts.push(['form', start.rows_form]);
    facts.push(['rows', `${count(start.train_rows)} to train on, ${count(start.validation_rows)} to validate`]);
    const share = figure((100 * start.trainable_parameters) / start.total_parameters);
    facts.push([
      'trained',
      `${count(start.trainable_parameters)} of ${count(start.total_parameters)} parameters (${share} %)`,
    ]);
  }
  if (done !== undefined) {
    facts.push([
      'ended',
      {
        finished: 'after its last step',
        early_stopping: 'early: the validation loss fell no more',
        stopped: 'by hand',
      }[done.reason],
    ]);
    facts.push([
      'kept',
      `step ${count(done.best_step)}${done.best_loss === null ? '' : `, validation loss ${figure(done.best_loss)}`}`,
    ]);
    facts.push(['took', duration(done.seconds)]);
    if (done.energy_joules !== undefined)
      facts.push(['energy', `${figure(done.energy_joules)} J, of the whole machine`]);
  }
  return html`<h2>Training</h2>
${chart ?? html`<p class="quiet">There is no point to draw.</p>`}
${(start === undefined ? [] : startWarnings(start)).map((line) => html`<p class="warning">${line}</p>`)}
${list(facts)}`;
}

function checksTable(card: AdapterCard | null): Html {
  if (card?.checks === undefined || card.checks.length === 0) return html``;
  return html`<h2>Checks</h2>
<div class="wide"><table><thead><tr><th scope="col">check</th><th scope="col">figure</th><th scope="col">limit</th><th scope="col">result</th></tr></thead>
<tbody>${card.checks.map(
    ({
      name,
      figure: found,
      limit,
      passed,
      note,
    }) => html`<tr><th scope="row">${name.replaceAll('_', ' ')}${note === undefined ? '' : html`<small>${note}</small>`}</th><td>${figure(found)}</td><td>${figure(limit)}</td><td>${passed === null ? 'does not apply' : passed ? '✓ passed' : '✗ failed'}</td></tr>
`,
  )}</tbody></table></div>`;
}

function provenance({ run, card, tensors }: ReportRecords): Html {
  const facts: (readonly [string, string])[] = [
    ['run', run.id],
    ['experiment', run.experiment],
    ['started', moment(run.started)],
    ['ended', run.ended === null ? '–' : moment(run.ended)],
    ['seed', String(run.seed)],
    ['device', run.device],
    ...Object.entries(run.madeWith ?? {}),
  ];
  if (card !== null) {
    facts.push(['adapter', `${card.name} ${card.version}`]);
    facts.push(['base model', card.base.model], ['base model, hash', card.base.fingerprint]);
    if (card.data !== null) facts.push(['training rows', card.data.file]);
  }
  for (const [key, sha] of Object.entries(run.inputs?.data ?? {})) facts.push([`${key}, SHA-256`, sha]);
  for (const [name, hash] of tensors) facts.push([`${name}, SHA-256`, hash]);
  return html`<h2>Made with</h2>
${list(facts)}`;
}

const hash = /^[0-9a-f]{64}$/;

/** Names and values; a hash in letters of one width. */
function list(facts: readonly (readonly [string, string])[]): Html {
  return html`<dl>${facts.map(
    ([name, value]) => html`<dt>${name}</dt><dd${hash.test(value) ? html` class="hash"` : ''}>${value}</dd>
`,
  )}</dl>`;
}
