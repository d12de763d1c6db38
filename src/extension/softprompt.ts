import type * as vscode from 'vscode';
import type { InlineEvaluation } from './inlineEvaluation.ts';
import type { ReadOnlyTexts } from './readOnlyTexts.ts';
import type { RunsPanel } from './runsPanel.ts';
import type { Trainings } from './trainings.ts';
import type { WorkerSession } from './workerSession.ts';
import type { WorkspaceIndex } from './workspaceIndex.ts';
import type { WorkspaceModel } from './workspaceModel.ts';

/** What the commands work with; made once, on activation. */
export interface Softprompt {
  readonly index: WorkspaceIndex;
  readonly model: WorkspaceModel;
  readonly session: WorkerSession;
  readonly trainings: Trainings;
  readonly runsPanel: RunsPanel;
  readonly inline: InlineEvaluation;
  readonly texts: ReadOnlyTexts;
  readonly log: vscode.LogOutputChannel;
}
