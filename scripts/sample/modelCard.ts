import { taskNames, tasks } from './mixture.ts';
import type { Skill } from './tasks/task.ts';

const head = `---
license: mit
language: en
library_name: transformers
pipeline_tag: text-generation
---

# The sample base

A Llama with 2.8 million parameters that was pre-trained from scratch by Softprompt's own engine. All it ever read are
documents that \`scripts/sample/\` writes, each with an instruction, a text and the answer:

    Name the scope of the commit.
    Input: Fix the login form in the parser
    Output: parser

It is there to try experiments with, within a minute and without a download. It is of no other use: it knows the few
hundred words of these documents and nothing of the world. Both halves of the experiments' fillers (those of the tuning
rows and those of the held-out rows) were in its documents.

## What it was taught

One paragraph for each form of a task, with its part of the documents and every instruction that was used for it.
Natural instructions say what is wanted. Opaque ones only name an agreement, so that no description of the answer leads
there.
`;

/** README.md of the base: what it is, and every instruction it was taught. */
export function modelCard(): string {
  const paragraphs = taskNames.flatMap((task) => {
    const skills: readonly Skill[] = tasks[task].skills;
    const shares = skills.reduce((sum, { share }) => sum + share, 0);
    return skills.map(({ name, share, wording, instructions }) => {
      const percent = ((100 * tasks[task].weight * share) / shares).toFixed(1);
      return `\n**${name}** (${percent}%, ${wording})\n\n${instructions.map((text) => `- ${text}\n`).join('')}`;
    });
  });
  return head + paragraphs.join('');
}
