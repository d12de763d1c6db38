import type { RunRecord } from '../experiments/records.ts';

/** What a run is now, seen from this window: its record, and whether somebody is still writing it. */
export type RunState = 'training' | 'elsewhere' | 'interrupted' | 'finished' | 'stopped' | 'failed';

/** What a state means to a person, and what can be done about it. */
export interface RunStateRule {
  readonly words: string;
  /** A codicon's name. */
  readonly icon: string;
  readonly canStop: boolean;
  /** Whether the run goes on from a checkpoint, when it has one. */
  readonly canResume: boolean;
}

/** The rule of every state. */
export const runStates = {
  training: { words: 'training', icon: 'sync~spin', canStop: true, canResume: false },
  elsewhere: { words: 'training in another process', icon: 'sync', canStop: false, canResume: false },
  interrupted: { words: 'interrupted', icon: 'debug-disconnect', canStop: false, canResume: true },
  finished: { words: 'finished', icon: 'pass', canStop: false, canResume: false },
  stopped: { words: 'stopped', icon: 'debug-pause', canStop: false, canResume: true },
  failed: { words: 'failed', icon: 'error', canStop: false, canResume: true },
} satisfies Record<RunState, RunStateRule>;

/** The state of a run. `live` says whether this window trains it, `killed` whether a record that says `running` lies. */
export function runStateOf(record: RunRecord, live: boolean, killed: (record: RunRecord) => boolean): RunState {
  if (live) return 'training';
  if (record.state !== 'running') return record.state;
  return killed(record) ? 'interrupted' : 'elsewhere';
}

/** Whether the run can go on: it ended early and left a checkpoint. */
export function canResume(record: RunRecord, state: RunState): boolean {
  return runStates[state].canResume && record.checkpoint !== null;
}
