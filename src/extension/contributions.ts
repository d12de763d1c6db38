import type { Uri } from 'vscode';
import type { AdapterNode } from './adaptersTree.ts';
import type { ExperimentNode, RunNode } from './experimentsTree.ts';

/**
 * Every name that package.json's `contributes` and the code must agree on, with the types behind the stringly VS Code
 * functions. A test compares this file with package.json in both directions.
 */

/** Command ids. */
export const commands = {
  train: 'softprompt.train',
  sweep: 'softprompt.sweep',
  preview: 'softprompt.preview',
  stop: 'softprompt.stop',
  resume: 'softprompt.resume',
  evaluate: 'softprompt.evaluate',
  swapAdapter: 'softprompt.swapAdapter',
  useBaseModel: 'softprompt.useBaseModel',
  evaluateSelection: 'softprompt.evaluateSelection',
  dismissAnswer: 'softprompt.dismissAnswer',
  setModel: 'softprompt.setModel',
  openRuns: 'softprompt.openRuns',
  exportReport: 'softprompt.exportReport',
  newExperiment: 'softprompt.newExperiment',
  revealAdapter: 'softprompt.revealAdapter',
  exportAdapter: 'softprompt.exportAdapter',
  checkAdapter: 'softprompt.checkAdapter',
  mergeAdapter: 'softprompt.mergeAdapter',
  combineAdapters: 'softprompt.combineAdapters',
  deleteAdapter: 'softprompt.deleteAdapter',
  showActions: 'softprompt.showActions',
  showLog: 'softprompt.showLog',
} as const;
/** Any of them. */
export type CommandId = (typeof commands)[keyof typeof commands];

/** What a command about an experiment may be started on: a tree node, a file in the explorer or an editor's title. */
export type ExperimentTarget = ExperimentNode | RunNode | Uri;

/** What each command may be given; from the palette it is given nothing. */
export interface CommandTargets {
  'softprompt.train': ExperimentTarget;
  'softprompt.sweep': ExperimentTarget;
  'softprompt.preview': ExperimentTarget;
  'softprompt.stop': ExperimentTarget;
  'softprompt.resume': ExperimentTarget;
  'softprompt.evaluate': ExperimentTarget | AdapterNode;
  /** A string is an adapter's folder (from a link in a hover). */
  'softprompt.swapAdapter': AdapterNode | string;
  'softprompt.useBaseModel': undefined;
  'softprompt.evaluateSelection': undefined;
  'softprompt.dismissAnswer': undefined;
  'softprompt.setModel': undefined;
  'softprompt.openRuns': ExperimentTarget;
  'softprompt.exportReport': RunNode;
  'softprompt.newExperiment': undefined;
  'softprompt.revealAdapter': AdapterNode;
  'softprompt.exportAdapter': AdapterNode;
  'softprompt.checkAdapter': AdapterNode;
  'softprompt.mergeAdapter': AdapterNode;
  'softprompt.combineAdapters': AdapterNode;
  'softprompt.deleteAdapter': AdapterNode;
  'softprompt.showActions': undefined;
  'softprompt.showLog': undefined;
}

/** The activity bar's container. */
export const viewContainer = 'softprompt';
/** The views in it. */
export const views = { adapters: 'softprompt.adapters', experiments: 'softprompt.experiments' } as const;

/** `viewType` of the runs panel; package.json names it in an activation event so that the panel can be restored. */
export const runsPanelType = 'softprompt.runs';

/** Context keys that `when` clauses read, with the type of each. */
export const contextKeys = {
  training: 'softprompt.training',
  adapterActive: 'softprompt.adapterActive',
  answerShown: 'softprompt.answerShown',
} as const;
/** Any of them. */
export type ContextKey = (typeof contextKeys)[keyof typeof contextKeys];

/** `viewItem` of tree rows; menus compare with these. */
export const treeItems = {
  adapter: 'adapter',
  activeAdapter: 'activeAdapter',
  readOnlyAdapter: 'readOnlyAdapter',
  experiment: 'experiment',
  sweepExperiment: 'sweepExperiment',
  trainingExperiment: 'trainingExperiment',
  missingExperiment: 'missingExperiment',
  liveRun: 'liveRun',
  resumableRun: 'resumableRun',
  endedRun: 'endedRun',
} as const;
/** Any of them. */
export type TreeItemKind = (typeof treeItems)[keyof typeof treeItems];

/** Settings. */
export const settings = { model: 'softprompt.model', device: 'softprompt.device' } as const;
/** The settings' values. */
export interface SettingTypes {
  /** Folder of the workspace model, absolute or relative to the first workspace folder; '' finds one. */
  'softprompt.model': string;
  'softprompt.device': 'auto' | 'cpu' | 'webgpu';
}
