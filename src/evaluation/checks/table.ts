import { fingerprintModel } from '../../checkpoint/fingerprint.ts';
import { explain, isAbort } from '../../foundation/errors.ts';
import type { CheckName, CheckResult, CheckRule, CheckSubject, Measured } from './check.ts';
import { endOfTextShare } from './endOfText.ts';
import { gradientError } from './gradient.ts';
import { adapterEffect, paddingDifference, reloadDifference, swapDifference } from './logitChecks.ts';
import { overfitShare, overfitSteps } from './overfit.ts';

/** Every check, the cheap ones first. */
export const checkRules = {
  base: {
    title: 'base model unchanged',
    figure: 'differing fingerprints',
    limit: 0,
    bound: 'at most',
    long: false,
    todo: 'Load the model the adapter was trained on, or train it again on this one.',
    measure: async ({ language, trainedOn }) => {
      if (trainedOn === null) return { none: 'the adapter has no card that says what it was trained on' };
      return (await fingerprintModel(language.model.dir)) === trainedOn ? 0 : 1;
    },
  },
  padding: {
    title: 'padding changes nothing',
    figure: 'largest difference of a logit between a row alone and in a padded batch',
    // Float32 sums in another order differ by about 1e-5 of a logit of size 10; a position that is off by one, by tenths.
    limit: 1e-3,
    bound: 'at most',
    long: false,
    todo: 'Results in batches cannot be trusted on this device: try another device, and report it.',
    measure: paddingDifference,
  },
  swap: {
    title: 'swapping A, B, A gives A',
    figure: 'largest difference of a logit',
    limit: 0,
    bound: 'at most',
    long: false,
    todo: 'Something of another adapter stays behind on this device: start again before each adapter, and report it.',
    measure: swapDifference,
  },
  reload: {
    title: 'written and read again',
    figure: 'largest difference of a logit',
    limit: 0,
    bound: 'at most',
    long: false,
    todo: 'The files do not hold what was trained: keep the run and its checkpoints, and report it.',
    measure: reloadDifference,
  },
  effect: {
    title: 'the adapter changes the logits',
    figure: 'largest difference of a logit from the base model',
    limit: 0,
    bound: 'above',
    long: false,
    todo: 'The adapter does nothing: train longer or with a higher learning rate, and see that its targets are meant.',
    measure: adapterEffect,
  },
  end_of_text: {
    title: 'rows teach where to stop',
    figure: 'share of training rows that end with the end-of-text token, supervised',
    limit: 0,
    bound: 'above',
    long: false,
    todo: 'The model will not learn to stop: end the target of every row with the end-of-text token.',
    measure: endOfTextShare,
  },
  gradient: {
    title: 'gradients are right',
    figure: 'relative error against finite differences',
    // Central differences in float32 are good to a few thousandths here; a term that is missing makes tenths.
    limit: 0.05,
    bound: 'at most',
    long: false,
    todo: 'Training on this device goes the wrong way: try another device, and report it.',
    measure: gradientError,
  },
  overfit: {
    title: 'one batch can be learnt by heart',
    figure: `lowest loss in ${overfitSteps} steps over the first`,
    // The batch is the same at each step, so that any fall is learning; LORA's default rate of 5e-5 makes 3 % of it here.
    limit: 0.99,
    bound: 'below',
    long: true,
    todo: 'Nothing is learnt at this learning rate: try three and ten times as much, then a tenth.',
    measure: overfitShare,
  },
} satisfies Record<CheckName, CheckRule>;

/** The names of all checks, in the order in which they run. */
export const checkNames = Object.keys(checkRules) as CheckName[];

/** The checks that take little more than some batches. */
export const shortChecks: readonly CheckName[] = checkNames.filter((name) => !checkRules[name].long);

/**
 * Runs checks, one after another; each result as soon as it is there. A check that cannot be carried out has failed: its
 * note says why.
 */
export async function* runChecks(
  subject: CheckSubject,
  names: readonly CheckName[],
  signal: AbortSignal,
  now: () => Date,
): AsyncGenerator<CheckResult, void> {
  for (const name of names) {
    signal.throwIfAborted();
    const { limit, measure, todo }: CheckRule = checkRules[name];
    let measured: Measured;
    let failed = false;
    try {
      measured = await measure(subject, signal);
    } catch (error) {
      if (isAbort(error)) throw error;
      failed = true;
      measured = { none: explain(error).what };
    }
    const time = now().toISOString();
    if (typeof measured === 'number') {
      const figure = Number.isFinite(measured) ? measured : null;
      const passed = passes(checkRules[name], measured);
      yield { name, figure, limit, passed, ...(!passed && { todo }), time };
    } else {
      yield {
        name,
        figure: null,
        limit,
        passed: failed ? false : null,
        note: measured.none,
        ...(failed && { todo }),
        time,
      };
    }
  }
}

/** Whether a figure lies on the good side of a limit; no number never does. */
function passes({ bound, limit }: CheckRule, figure: number): boolean {
  if (bound === 'at most') return figure <= limit;
  return bound === 'above' ? figure > limit : figure < limit;
}
