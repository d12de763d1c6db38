import type { RowForm } from '../data/rowForms.ts';
import type { CheckResult } from '../evaluation/checks/check.ts';
import type { InputHashes } from './inputHashes.ts';
import type { MadeWith } from './madeWith.ts';

/** What lies on disk about runs and adapters besides PEFT's own files; see docs/design.md, "On disk". */

/** runs/ID/run.json: one run's state, rewritten whole at each change of state. */
export interface RunRecord {
  readonly id: string;
  /** Name of the experiment: its file's name without `.tune.yaml`. */
  readonly name: string;
  /** Absolute path of the experiment file the run came from. */
  readonly experiment: string;
  readonly state: 'running' | 'finished' | 'stopped' | 'failed';
  /** Process that writes the run; a `running` run whose process is gone was killed and can be resumed. */
  readonly pid: number;
  /** ISO times. */
  readonly started: string;
  readonly ended: string | null;
  readonly device: string;
  readonly seed: number;
  /** Versions and machine, by name; absent before the first step. */
  readonly madeWith?: MadeWith;
  /** What it reads; absent before the first step. */
  readonly inputs?: InputHashes;
  /** Last checkpoint's step, or null when there is none to resume from. */
  readonly checkpoint: number | null;
  readonly steps: number;
  readonly totalSteps: number;
  /** Absolute folder of the finished adapter. */
  readonly adapter: string | null;
  /** Words of the error of a failed run. */
  readonly error: string | null;
}

/** adapters/NAME/VERSION/card.json: where an adapter comes from. PEFT ignores it. */
export interface AdapterCard {
  readonly name: string;
  readonly version: number;
  readonly created: string;
  /** Folder of the base model as the experiment gave it, and the hash of what it was. */
  readonly base: { readonly model: string; readonly fingerprint: string };
  /** What it was trained on; null for one that was not trained. */
  readonly data: { readonly file: string; readonly sha256: string } | null;
  /** The experiment as run (after overrides), as JSON; null without one. */
  readonly experiment: unknown;
  /** The well-known form of the rows it was trained on; absent for rows of a template, and for tokens. */
  readonly rows_form?: RowForm;
  readonly run: string | null;
  /** The sweep it was the best of, where it was. */
  readonly sweep?: string;
  readonly seed: number;
  readonly trainable_parameters: number;
  readonly best_step: number;
  readonly validation_loss: number | null;
  /** Figures of the last evaluation on test rows, by metric. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly parent: number | null;
  /** What checks of it found last; absent where none ran. */
  readonly checks?: readonly CheckResult[];
  /** What it was combined from, where it was. */
  readonly combined?: CombinedFrom;
}

/** How an adapter was made of others. */
export interface CombinedFrom {
  readonly method: string;
  readonly adapters: readonly { readonly adapter: string; readonly weight: number }[];
  /** Relative Frobenius error against the exact sum. */
  readonly residual: number;
}

/** One line of audit.jsonl. */
export interface AuditEntry {
  readonly time: string;
  readonly user: string;
  readonly action: 'created' | 'activated' | 'deactivated' | 'evaluated' | 'merged' | 'combined' | 'deleted';
  readonly adapter: string | null;
  readonly detail?: string;
}
