import { anyCommit, type CommitType, commitByConvention, commitTypes, conventionType } from '../texts/commits.ts';
import type { Skill } from './task.ts';

const plainWords: Readonly<Record<CommitType, string>> = {
  feat: 'new feature',
  fix: 'bug fix',
  perf: 'faster code',
  refactor: 'cleaner code',
  docs: 'documentation',
  test: 'testing',
  build: 'packaging',
  ci: 'automation',
};

/** The kind of a commit: everyday wording goes by the verb; the team's convention only by an agreed name. */
export const commitKind: readonly Skill[] = [
  {
    name: 'commit-kind/action',
    share: 3,
    wording: 'natural',
    instructions: [
      'Name the type of the commit.',
      'What kind of change is this?',
      'Classify the commit message.',
      'Label this commit as feat, fix, perf, refactor, docs, test, build or ci.',
      'Which type does the change have: feat, fix, docs or another one?',
      'Give the conventional commit type.',
      'Commit type:',
      'Say what the commit does in one word.',
    ],
    row: (choices, half) => {
      const commit = anyCommit(choices, half);
      return { text: commit.text, answer: commit.action };
    },
  },
  {
    name: 'commit-kind/plain-words',
    share: 1.5,
    wording: 'natural',
    instructions: [
      'Say in plain words what was done.',
      'Describe the change for a customer.',
      'Explain the commit in everyday words.',
    ],
    row: (choices, half) => {
      const commit = anyCommit(choices, half);
      return { text: commit.text, answer: plainWords[commit.action] };
    },
  },
  {
    name: 'commit-kind/convention',
    share: 4.5,
    wording: 'opaque',
    instructions: [
      'Follow the harbour convention.',
      'Agreement 4 applies here.',
      'As settled at the spring meeting.',
      'Go by the amber sheet.',
      'Answer like team Juniper does.',
      'Handbook, page twelve.',
      'The way Oskar wants it.',
      'North desk rules.',
    ],
    row: (choices, half) => {
      const commit = commitByConvention(choices.pick(commitTypes), choices, half);
      return { text: commit.text, answer: conventionType(commit) };
    },
  },
  {
    name: 'commit-kind/drawer',
    share: 1.5,
    wording: 'opaque',
    instructions: ['Which drawer?', 'Sorting table three.', 'Number it the old way.', 'Stamp for the red archive.'],
    row: (choices, half) => {
      const commit = anyCommit(choices, half);
      return { text: commit.text, answer: String(commitTypes.indexOf(commit.action) + 1) };
    },
  },
];
