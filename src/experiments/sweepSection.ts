import { z } from 'zod';

const range = z
  .strictObject({
    min: z.number().describe('Smallest value.'),
    max: z.number().describe('Largest value.'),
    scale: z
      .enum(['linear', 'log'])
      .default('linear')
      .describe('Whether values are drawn evenly, or their logarithms are, as fits learning rates.'),
    integer: z.boolean().default(false).describe('Whether values are whole numbers.'),
  })
  .describe('Values to draw from, with strategy random or asha.');

const axis = z
  .union([z.array(z.unknown()).min(1), range])
  .describe('Values to try for a key of this file, e.g. training.learning_rate: [0.1, 0.3].');

const options = {
  strategy: z
    .enum(['grid', 'random', 'asha'])
    .default('grid')
    .describe(
      'grid: every combination; random: max_runs combinations drawn by seed; asha: the same, of which only the best third goes on after a ninth and a third of the steps (Li et al. 2020).',
    ),
  max_runs: z.int().min(1).optional().describe('Combinations to draw, with random and asha.'),
  seeds: z
    .array(z.int().min(0))
    .min(1)
    .optional()
    .describe(
      'Seeds that every combination is trained with; a result of one seed may be luck. Default: training.seed.',
    ),
  reduction_factor: z.int().min(2).default(3).describe('With asha: one in so many goes on.'),
};

/** `sweep`: keys of the file with the values to try for them, and how. */
export const sweep = z
  .object(options)
  .catchall(axis)
  .superRefine((section, context) => {
    const fail = (key: string, message: string) => context.addIssue({ code: 'custom', path: [key], message });
    const axes = sweepAxes(section);
    if (axes.length === 0) fail('strategy', 'has nothing to try: give keys of this file with lists of values');
    const drawn = section.strategy !== 'grid';
    if (drawn && section.max_runs === undefined) fail('strategy', `${section.strategy} needs max_runs`);
    if (!drawn && section.max_runs !== undefined) fail('max_runs', 'goes with strategy random or asha only');
    if (new Set(section.seeds).size < (section.seeds?.length ?? 0)) fail('seeds', 'names a seed twice');
    for (const { key, values } of axes) {
      if ('min' in values && !drawn) fail(key, 'is a range, which goes with strategy random or asha only');
      if ('min' in values && (values.min > values.max || (values.scale === 'log' && values.min <= 0))) {
        fail(key, values.min > values.max ? 'has a min above its max' : 'needs a min above 0 on a log scale');
      }
    }
    if (axes.some(({ key }) => key === 'training.seed') && section.seeds !== undefined) {
      fail('seeds', 'is given, and training.seed is swept too; give one of them');
    }
  })
  .describe('Values to try for keys of this file: `softprompt sweep` trains them all and ranks them.');

/** The section as it is read. */
export type SweepSection = z.output<typeof sweep>;

/** A key with what may be tried for it. */
export interface SweepAxis {
  /** Dotted, e.g. `training.learning_rate`. */
  readonly key: string;
  readonly values: readonly unknown[] | z.output<typeof range>;
}

/** The keys that a sweep tries values for, in the order of the file. */
export function sweepAxes(section: object): readonly SweepAxis[] {
  return Object.entries(section).flatMap(([key, values]) =>
    Object.hasOwn(options, key) ? [] : [{ key, values: values as SweepAxis['values'] }],
  );
}
