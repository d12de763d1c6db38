import { SoftpromptError } from '../foundation/errors.ts';
import type { Model, ModelUse } from '../models/model.ts';
import type { Experiment } from './schema.ts';

/** What an experiment opens its model for. */
export function modelUse({ task, labels }: Pick<Experiment, 'task' | 'labels'>): ModelUse {
  return { task, ...(task === 'seq_cls' && labels !== undefined && { classes: labels.length }) };
}

/** Checks that the labels of a classification are the model's classes. @throws SoftpromptError labels-unsuited */
export function checkLabels({ labels }: Pick<Experiment, 'labels'>, { classifier, dir }: Model): void {
  if (labels === undefined || classifier === null || labels.length === classifier.classes) return;
  throw new SoftpromptError('labels-unsuited', { labels: labels.length, dir, classes: classifier.classes });
}
