import { z } from 'zod';

/** The section `template`: how a row becomes text. */
export const template = z.strictObject({
  input: z.string().describe('What the model reads; {{column}} is the value of that column of the row.'),
  target: z.string().describe('What the model should write after it; only these tokens are supervised.'),
  context: z
    .string()
    .optional()
    .describe(
      'How retrieved text is shown, such as "Notes: {{context}}\n": where the input (or a prompt) says {{context}}, else before the input. Without it {{context}} is that column of the row. Evaluation asks every arm that reads a context once more without it.',
    ),
});

/** A closed set of answers. */
export const labels = z.array(z.union([z.string(), z.number(), z.boolean()]).transform(String)).min(2);
