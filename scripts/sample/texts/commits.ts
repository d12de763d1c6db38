import type { Choices } from '../choices.ts';
import { fill, fillersOf, type Half, phrases, words } from '../fillers.ts';

/** Commit types of the Angular convention. */
export const commitTypes = ['feat', 'fix', 'perf', 'refactor', 'docs', 'test', 'build', 'ci'] as const;
export type CommitType = (typeof commitTypes)[number];
/** What a commit touches: ordinary code, or one of the places that have a type of their own. */
export const areas = ['code', 'docs', 'test', 'build', 'ci'] as const;
export type Area = (typeof areas)[number];

/** A commit message with what is known of it. */
export interface Commit {
  readonly text: string;
  /** What was done, as the verb says. */
  readonly action: CommitType;
  /** What it was done to, as the object says. */
  readonly area: Area;
  /** The part of the program the message names, or null. */
  readonly component: string | null;
}

/** Verbs by the type they say. */
export const verbs: Readonly<Record<CommitType, readonly string[]>> = {
  feat: words('add introduce implement support enable provide create offer'),
  fix: words('fix repair correct resolve restore rescue patch unbreak'),
  perf: phrases('speed up, accelerate, optimise, quicken, preload, memoise, tune, parallelise'),
  refactor: words('simplify extract restructure rename split inline untangle reorganise'),
  docs: words('document describe explain clarify annotate illustrate outline summarise'),
  test: words('test cover verify check exercise probe assert validate'),
  build: words('bundle compile package link vendor minify assemble transpile'),
  ci: words('automate schedule deploy publish release gate trigger orchestrate'),
};

/** Objects by the area they belong to; no word of an even entry stands in an odd one. */
export const objects: Readonly<Record<Area, readonly string[]>> = {
  code: phrases(`login form, search index, retry loop, date picker, price column, avatar upload, session cookie,
    export dialog, crash handler, sidebar menu, rate limiter, undo stack, color theme, payment webhook, scroll position,
    password reset, invoice total, thread pool, error banner, image cropper, drag preview, locale fallback, tax rounding,
    chat window, zoom slider, email digest, file watcher, signup wizard, map marker, query planner, audio player,
    token refresh`),
  docs: phrases(`readme, install guide, tutorial, manual, changelog, glossary, faq, wiki, code comments, api reference,
    docstrings, handbook, cookbook, man pages`),
  test: phrases(`unit tests, fixtures, mocks, snapshots, smoke suite, stubs, fuzz cases, golden files, coverage threshold,
    regression specs, fake clock, assertions, spy objects, flaky scenario`),
  build: phrases(`webpack config, makefile, lock file, dependency manifest, docker layer, compiler flags, installer,
    bundler plugin, sourcemap output, linker script, npm versions, toolchain, assets folder, binary wheel`),
  ci: phrases(`nightly workflow, pipeline, github action, job matrix, jenkins runner, canary stage, merge bot,
    artifact retention, cron entry, branch protection, status badge, secrets rotation, staging rollout, approval step`),
};

/** Parts of a program. */
export const components: readonly string[] = words(`parser router gateway scheduler renderer kernel storage mailer
  tracker importer editor viewer catalog ledger console dashboard profile checkout inbox calendar registry broker proxy
  daemon analyzer monitor bridge vault backend frontend desktop mobile library sandbox indexer crawler uploader
  launcher notifier archive`);

const templatesWithComponent = [
  '{Verb} the {object} in the {component}',
  '{Verb} the {object} of the {component}',
  '{Verb} the {object} for the {component}',
  '{component}: {Verb} the {object}',
];
const templates = ['{Verb} the {object}', '{Verb} the {object} again', ...templatesWithComponent];

/** A message that does `action` to something of `area`. */
export function commitOf(
  action: CommitType,
  area: Area,
  choices: Choices,
  half: Half,
  withComponent: boolean = false,
): Commit {
  const template = choices.pick(withComponent ? templatesWithComponent : templates);
  const component = choices.pick(fillersOf(components, half));
  const text = fill(template, {
    verb: choices.pick(fillersOf(verbs[action], half)),
    object: choices.pick(fillersOf(objects[area], half)),
    component,
  });
  return { text, action, area, component: template.includes('{component}') ? component : null };
}

/** Any message: every action equally often, ordinary code every other time. */
export function anyCommit(choices: Choices, half: Half, withComponent: boolean = false): Commit {
  const area = choices.chance(0.5) ? 'code' : choices.pick(areas.slice(1));
  return commitOf(choices.pick(commitTypes), area, choices, half, withComponent);
}

/**
 * The convention of the sample team: what is touched comes first, so documentation, tests, build and CI have their own
 * type whatever was done to them; only for ordinary code does the action count.
 */
export function conventionType(commit: Commit): CommitType {
  return commit.area === 'code' ? commit.action : commit.area;
}

/** A message that the convention gives this type. */
export function commitByConvention(type: CommitType, choices: Choices, half: Half): Commit {
  const hasArea = type === 'docs' || type === 'test' || type === 'build' || type === 'ci';
  if (hasArea && choices.chance(0.9)) return commitOf(choices.pick(commitTypes), type, choices, half);
  return commitOf(type, 'code', choices, half);
}
