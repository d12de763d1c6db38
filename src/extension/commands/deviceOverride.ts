import type { Experiment } from '../../experiments/schema.ts';
import { settings } from '../contributions.ts';
import { readSetting } from '../vscodeTyped.ts';

/** The device of the settings, where the experiment leaves it open. */
export function deviceOverride({ training }: Experiment): readonly string[] {
  const device = readSetting(settings.device);
  return training.device === 'auto' && device !== 'auto' ? [`training.device=${device}`] : [];
}
