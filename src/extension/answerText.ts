import type { TextAnswer } from '../evaluation/answer.ts';
import type { AnswerReport } from '../worker/protocol.ts';
import { formatFigure, formatShare, oneLine } from './figures.ts';

/** Words of an answer beside the code: long enough to judge, short enough not to push the line away. */
const continuationLength = 48;

/** An answer in a few words: 'feature 97 %', or '"timer / 10" ppl 1.204'. */
export function answerWords(answer: TextAnswer): string {
  if (answer.kind === 'label') return `${oneLine(answer.label, continuationLength)} ${formatShare(answer.probability)}`;
  const text = oneLine(answer.continuation, continuationLength);
  const familiar = answer.perplexity === null ? '' : ` ppl ${formatFigure(answer.perplexity)}`;
  return `${text === '' ? '(nothing)' : `“${text}”`}${familiar}`;
}

/** What stands after the selection: the active adapter's answer beside the base model's. */
export function answerLine(report: AnswerReport): string {
  const base = `base: ${report.base === null ? 'no classifier' : answerWords(report.base)}`;
  if (report.adapter === null) return base;
  return `${report.adapterName ?? 'adapter'}: ${answerWords(report.adapter)}  │  ${base}`;
}

/** Text that Markdown shows as it is. */
export function escapeMarkdown(text: string): string {
  return text.replace(/[\\`*_{}[\]()#+\-.!|<>~$&]/g, '\\$&');
}

/** A fence longer than any in the text, so that the text cannot end the block. */
export function fenced(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map((run) => run[0].length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}text\n${text}\n${fence}`;
}

function continuation(title: string, answer: Extract<TextAnswer, { kind: 'text' }>): string {
  const familiar = answer.perplexity === null ? '' : ` · perplexity ${formatFigure(answer.perplexity)}`;
  return `**${title}**${familiar}\n\n${fenced(answer.continuation)}`;
}

type Ranking = Extract<TextAnswer, { kind: 'label' }>['ranked'];

/** Labels in the order of the first ranking, with the probability that each ranking gives them. */
function rankingTable(rankings: readonly (readonly [string, Ranking])[]): string {
  const titles = rankings.map(([title]) => title);
  const labels = rankings[0]?.[1].map(({ label }) => label) ?? [];
  const rows = labels.map((label, place) => {
    const shares = rankings.map(([, ranking]) => ranking.find((choice) => choice.label === label)?.probability);
    const cells = shares.map((share) => (share === undefined ? '–' : formatShare(share)));
    return `| ${[place + 1, escapeMarkdown(label), ...cells].join(' | ')} |`;
  });
  const head = `| | label | ${titles.join(' | ')} |\n|-:|:-|${'-:|'.repeat(titles.length)}`;
  return `${head}\n${rows.join('\n')}`;
}

/** The hover's Markdown: the time and links, both answers in full, and the prompt as the model saw it. */
export function answerDetails(report: AnswerReport, links: readonly string[]): string {
  const parts = [[`${formatFigure(report.milliseconds)} ms`, ...links].join(' · ')];
  const { adapter, base } = report;
  const name = escapeMarkdown(report.adapterName ?? 'Adapter');
  const rankings: (readonly [string, Ranking])[] = [];
  if (adapter?.kind === 'label') rankings.push([name, adapter.ranked]);
  if (base?.kind === 'label') rankings.push(['Base model', base.ranked]);
  if (rankings.length > 0) parts.push(rankingTable(rankings));
  if (adapter?.kind === 'text') parts.push(continuation(name, adapter));
  if (base?.kind === 'text') parts.push(continuation('Base model', base));
  if (adapter === null) parts.push('No adapter is active, so the base model answers alone.');
  parts.push(`**Prompt as the model saw it**\n\n${fenced(report.prompt)}`);
  return parts.join('\n\n');
}
