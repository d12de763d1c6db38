import { Choices } from './choices.ts';
import { command } from './tasks/command.ts';
import { commitKind } from './tasks/commitKind.ts';
import { commitArea, commitHeader, commitScope } from './tasks/commitParts.ts';
import { intent, slot } from './tasks/requestParts.ts';
import { category, product } from './tasks/reviewParts.ts';
import { sentiment } from './tasks/sentiment.ts';
import { promptOf, type Skill } from './tasks/task.ts';
import { copy, domain, word } from './tasks/text.ts';

/** A task of the mixture: its part of all documents, and the forms in which it is asked and answered. */
interface Task {
  readonly weight: number;
  readonly skills: readonly Skill[];
}

/** What the base is pre-trained on. Copying and sentiment are learned last, so they have their share from the start. */
export const tasks = {
  sentiment: { weight: 0.15, skills: sentiment },
  command: { weight: 0.24, skills: command },
  'commit-kind': { weight: 0.19, skills: commitKind },
  'commit-area': { weight: 0.03, skills: commitArea },
  'commit-scope': { weight: 0.04, skills: commitScope },
  'commit-header': { weight: 0.04, skills: commitHeader },
  category: { weight: 0.04, skills: category },
  product: { weight: 0.04, skills: product },
  slot: { weight: 0.06, skills: slot },
  intent: { weight: 0.03, skills: intent },
  copy: { weight: 0.07, skills: copy },
  word: { weight: 0.05, skills: word },
  domain: { weight: 0.02, skills: domain },
} as const satisfies Record<string, Task>;
export type TaskName = keyof typeof tasks;
export const taskNames = Object.keys(tasks) as TaskName[];

/** Written after every answer. */
export const endOfText = '<|endoftext|>';

/** One row: prompt + answer + endOfText is a document. */
export interface Document {
  readonly task: TaskName;
  /** The form of the task, e.g. `commit-kind/convention`. */
  readonly skill: string;
  /** "instruction\nInput: text\nOutput:" */
  readonly prompt: string;
  /** Begins with the space that follows "Output:". */
  readonly answer: string;
}

/** A task passes the build's gate when this part of its rows is answered exactly, the end included. */
export const gateScore = 0.95;

/** Endless documents of the mixture, all fillers in use; the same seed gives the same documents. */
export function* documents(seed: number): Generator<Document, never> {
  const choices = new Choices(seed);
  for (;;)
    yield documentOf(
      choices.weighted(taskNames, (name) => tasks[name].weight),
      choices,
    );
}

/** `n` rows of one task, its forms and instructions as often as the mixture has them. */
export function evaluationRows(task: TaskName, n: number, seed: number): Document[] {
  const choices = new Choices(seed);
  return Array.from({ length: n }, () => documentOf(task, choices));
}

/** A form of a task by its name. */
export function skillOf(name: string): Skill {
  const skill = taskNames.flatMap((task): readonly Skill[] => tasks[task].skills).find((entry) => entry.name === name);
  if (skill === undefined) throw new Error(`no skill ${name}`);
  return skill;
}

function documentOf(task: TaskName, choices: Choices): Document {
  const skills: readonly Skill[] = tasks[task].skills;
  const skill = choices.weighted(skills, ({ share }) => share);
  const { text, answer } = skill.row(choices, 'both');
  return { task, skill: skill.name, prompt: promptOf(choices.pick(skill.instructions), text), answer: ` ${answer}` };
}
