import { SoftpromptError } from '../foundation/errors.ts';

/** Refuses what would change a run or sweep that goes on. @throws SoftpromptError option-invalid */
export function refuseChanges({ set, device }: { readonly set: readonly string[]; readonly device?: string }): void {
  if (set.length === 0 && device === undefined) return;
  const problem = 'goes on with the experiment as it was started, so --set and --device cannot change it';
  throw new SoftpromptError('option-invalid', { option: '--resume', problem });
}
