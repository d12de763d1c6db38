import type { Choices } from '../choices.ts';
import type { Half } from '../fillers.ts';

/** A text and the answer that a skill gives to it. */
export interface TextAnswer {
  readonly text: string;
  readonly answer: string;
}

/** One thing the base can do with one kind of text and one form of answer. */
export interface Skill {
  /** TASK/FORM, e.g. `commit-kind/convention`. */
  readonly name: string;
  /** Its part of the task's documents, relative to the task's other skills. */
  readonly share: number;
  /**
   * 'natural' instructions say what is wanted, as a person would; 'opaque' ones only name an agreement ("Follow the
   * harbour convention."), so that no description leads to the skill.
   */
  readonly wording: 'natural' | 'opaque';
  /** Instructions that ask for it; the first is its known wording in evaluations. */
  readonly instructions: readonly string[];
  /** Makes a row; `half` says which fillers it may use. */
  readonly row: (choices: Choices, half: Half) => TextAnswer;
}

/** The text between an instruction and its answer, as every document and every sample experiment has it. */
export function promptOf(instruction: string, text: string): string {
  return `${instruction}\nInput: ${text}\nOutput:`;
}
