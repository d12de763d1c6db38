import { SoftpromptError } from '../foundation/errors.ts';
import type { Model } from '../models/model.ts';
import type { Example } from './example.ts';

/** Checks that a classification's rows name classes that the model has. @throws SoftpromptError data-invalid */
export function checkClasses(
  file: string,
  examples: readonly Example[],
  { classifier }: Pick<Model, 'classifier'>,
): void {
  if (classifier === null) return;
  const wrong = examples.find(({ labels }) => labels[0]! >= classifier.classes);
  if (wrong === undefined) return;
  const problem = `row ${wrong.row + 1} is of class ${wrong.labels[0]}; the model has ${classifier.classes} classes, counted from 0`;
  throw new SoftpromptError('data-invalid', { file, problem });
}
