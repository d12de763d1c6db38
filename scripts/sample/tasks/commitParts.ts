import { type Area, anyCommit } from '../texts/commits.ts';
import type { Skill } from './task.ts';

const areaWords: Readonly<Record<Area, string>> = {
  code: 'source code',
  docs: 'documentation',
  test: 'testing',
  build: 'packaging',
  ci: 'automation',
};

/** What a commit touches, in plain words. */
export const commitArea: readonly Skill[] = [
  {
    name: 'commit-area/plain-words',
    share: 1,
    wording: 'natural',
    instructions: ['Which files are touched?', 'Where in the repository does this belong?', 'Name what is touched.'],
    row: (choices, half) => {
      const commit = anyCommit(choices, half);
      return { text: commit.text, answer: areaWords[commit.area] };
    },
  },
];

/** The component a commit names. */
export const commitScope: readonly Skill[] = [
  {
    name: 'commit-scope/component',
    share: 1,
    wording: 'natural',
    instructions: ['Name the scope of the commit.', 'Which component does it concern?', 'Scope:'],
    row: (choices, half) => {
      const commit = anyCommit(choices, half, true);
      return { text: commit.text, answer: String(commit.component) };
    },
  },
];

/** Kind and scope as the head of a conventional commit. */
export const commitHeader: readonly Skill[] = [
  {
    name: 'commit-header/kind-and-scope',
    share: 1,
    wording: 'natural',
    instructions: [
      'Write the commit header with its scope.',
      'Give type and scope together.',
      'Header as type(scope):',
    ],
    row: (choices, half) => {
      const commit = anyCommit(choices, half, true);
      return { text: commit.text, answer: `${commit.action}(${commit.component})` };
    },
  },
];
