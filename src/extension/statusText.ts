import { basename, dirname } from 'node:path';
import { escapeMarkdown } from './answerText.ts';
import { formatBytes, formatCount } from './figures.ts';
import { type ModelChoice, modelName } from './modelChoice.ts';
import type { SessionState } from './workerSession.ts';

/** 'commit-kind 3' of .softprompt/adapters/commit-kind/3. */
export function adapterName(dir: string): string {
  return `${basename(dirname(dir))} ${basename(dir)}`;
}

/** The status bar's text: workspace model, who answers, device, and whether the worker is busy. */
export function statusText(state: SessionState, choice: ModelChoice, trusted: boolean): string {
  if (!trusted) return '$(shield) Softprompt: viewing only';
  const icon = state.activity !== null ? '$(sync~spin)' : state.worker === 'crashed' ? '$(warning)' : '$(beaker)';
  if (choice.dir === null) return `${icon} Softprompt: no model`;
  const adapter = state.adapter === null ? 'base model' : adapterName(state.adapter);
  const parts = [modelName(choice.dir), adapter];
  if (state.model !== null) parts.push(state.model.device);
  return `${icon} ${parts.join(' · ')}`;
}

/** The tooltip's Markdown. */
export function statusDetails(state: SessionState, choice: ModelChoice, trusted: boolean): string {
  if (!trusted) {
    return 'Softprompt shows what is on disk only: this workspace is not trusted, and training or evaluating would load its model and data into a process.';
  }
  const rows: (readonly [string, string])[] = [];
  rows.push(['Workspace model', choice.dir === null ? `none: ${choice.reason}` : `${choice.dir} (${choice.reason})`]);
  rows.push(['Answers', state.adapter === null ? 'the base model' : adapterName(state.adapter)]);
  const { model } = state;
  if (model === null) {
    rows.push(['Loaded', 'nothing yet; it is loaded with the first request']);
  } else {
    rows.push(['Loaded', `${model.name}: ${model.modelType}, ${formatCount(model.parameters)} parameters`]);
    rows.push(['Device', `${model.device} (${model.deviceReason})`]);
  }
  if (state.residentBytes !== null) rows.push(['Memory', formatBytes(state.residentBytes)]);
  if (state.worker === 'crashed') rows.push(['Worker', 'has crashed; the next request starts it again']);
  rows.push(['Busy', state.activity ?? 'no']);
  return `**Softprompt**\n\n| | |\n|-|-|\n${rows.map(([name, value]) => `| ${name} | ${escapeMarkdown(value)} |`).join('\n')}`;
}
