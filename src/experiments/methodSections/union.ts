import { z } from 'zod';
import { initFrom, kept } from './sharedKeys.ts';

const memberKeys = {
  learning_rate: z
    .number()
    .min(0)
    .optional()
    .describe("Highest learning rate of this method. Default: training.learning_rate, or else the method's own."),
};

/** A method's section as it stands in a union. */
type Member<Section extends z.ZodObject> = z.ZodObject<
  Omit<Section['shape'], 'init_from'> & typeof memberKeys,
  z.core.$strict
>;

/** UNION of methods that have these sections. */
export function unionSection<const Sections extends readonly [z.ZodObject, ...z.ZodObject[]]>(sections: Sections) {
  const members = sections.map((section) => section.omit({ init_from: true }).extend(memberKeys)) as unknown as {
    -readonly [Index in keyof Sections]: Member<Sections[Index]>;
  };
  return z.strictObject({
    peft_type: z
      .literal('UNION')
      .describe('Trains several methods together, e.g. a soft prompt and LORA; saved as a set of PEFT folders.'),
    methods: z
      .array(z.discriminatedUnion('peft_type', members))
      .min(2)
      .describe('The methods, in the order in which they act; at most one may put virtual tokens before a text.'),
    adapters: kept,
    task_type: kept,
    init_from: initFrom,
  });
}
