import { z } from 'zod';
import type { Task } from '../models/task.ts';

/** The section `training.unlikelihood`: completions that are to become unlikely. */
export const unlikelihood = z
  .strictObject({
    data: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Rows whose targets are to be avoided, relative to this file. Default: the training rows, with target.',
      ),
    target: z
      .string()
      .min(1)
      .optional()
      .describe(
        'What is to be avoided after a row\'s input, e.g. " {{rejected}}"; {{column}} is the value of that column. Default, with data: the template\'s target.',
      ),
    alpha: z.number().gt(0).default(1).describe('Weight of its loss beside that of the training rows.'),
  })
  .describe(
    'Completions to make unlikely while the rest is learnt (Welleck et al. 2019): adds alpha times the mean of -log(1 - p) over their tokens. evaluate says how far they fell.',
  );

/** Rules between the section and the rest of the experiment. */
export function checkUnlikelihood(
  e: {
    readonly task: Task;
    readonly template?: unknown;
    readonly training: { readonly unlikelihood?: z.output<typeof unlikelihood> | undefined };
  },
  fail: (path: PropertyKey[], message: string) => void,
): void {
  const section = e.training.unlikelihood;
  if (section === undefined) return;
  const at = ['training', 'unlikelihood'];
  if (e.task === 'seq_cls') fail(at, 'is about tokens that are written; a classifier writes none');
  if (section.data === undefined && section.target === undefined) {
    fail(at, 'needs data (rows to avoid) or target (what to avoid after the training rows)');
  }
  if (section.target !== undefined && e.template === undefined) {
    fail([...at, 'target'], 'needs a template, whose input it stands after');
  }
}
