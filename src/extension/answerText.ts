import type { TextAnswer } from '../evaluation/answer.ts';
import type { AnswerReport } from '../worker/protocol.ts';
import { formatFigure, formatShare, oneLine } from './figures.ts';

/** Words of an answer beside the code: long enough to judge, short enough not to push the line away. */
const continuationLength = 48;

/** An answer in a few words: 'feature 97 %', or '"timer / 10" ppl 1.204'. */
export function answerWords(answer: TextAnswer): string {
  if (answer.kind === 'label') return `${oneLine(answer.label, continuationLength)} ${formatShare(answer.probability)}`;
  const text = oneLine(answer.continuation, continuationLength);
  return `${text === '' ? '(nothing)' : `“${text}”`} ppl ${formatFigure(answer.perplexity)}`;
}

/** What stands after the selection: the active adapter's answer beside the base model's. */
export function answerLine(report: AnswerReport): string {
  const base = `base: ${answerWords(report.base)}`;
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

function details(title: string, answer: TextAnswer): string {
  if (answer.kind === 'text') {
    return `**${title}** · perplexity ${formatFigure(answer.perplexity)}\n\n${fenced(answer.continuation)}`;
  }
  const rows = answer.ranked.map(
    (choice, place) => `| ${place + 1} | ${escapeMarkdown(choice.label)} | ${formatShare(choice.probability)} |`,
  );
  return `**${title}**\n\n| | label | probability |\n|-:|:-|-:|\n${rows.join('\n')}`;
}

/** The hover's Markdown: both answers in full, the prompt as the model saw it, the time; links are put under it. */
export function answerDetails(report: AnswerReport, links: readonly string[]): string {
  const parts: string[] = [];
  if (report.adapter !== null) parts.push(details(escapeMarkdown(report.adapterName ?? 'Adapter'), report.adapter));
  parts.push(details('Base model', report.base));
  if (report.adapter === null) parts.push('No adapter is active, so the base model answers alone.');
  parts.push(`**Prompt as the model saw it**\n\n${fenced(report.prompt)}`);
  parts.push(`${formatFigure(report.milliseconds)} ms${links.length === 0 ? '' : ` · ${links.join(' · ')}`}`);
  return parts.join('\n\n');
}
