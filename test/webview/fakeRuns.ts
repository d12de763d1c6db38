import { calibrationError, reliability } from '../../src/evaluation/metrics/calibration.ts';
import { classFigures } from '../../src/evaluation/metrics/classification.ts';
import { scoreOf } from '../../src/evaluation/metrics/rowSums.ts';
import { comparePairs } from '../../src/evaluation/pairs.ts';
import type { ArmResult, EvaluationResult, RowAnswer } from '../../src/evaluation/result.ts';
import { verdictsOf } from '../../src/evaluation/verdicts.ts';
import type { RunSummary } from '../../src/extension/runsMessages.ts';
import type { TrainingEvent } from '../../src/training/events.ts';

/** A number in 0..1 that depends on its arguments alone. */
function noise(...seed: readonly number[]): number {
  const x = Math.sin(seed.reduce((sum, each, i) => sum + each * (12.9898 + 37.719 * i), 1)) * 43758.5453;
  return x - Math.floor(x);
}

/** A run in the list; a live one has taken 60 of 120 steps. */
export function fakeRun(id: string, seed: number, changes: Partial<RunSummary> = {}): RunSummary {
  return {
    id,
    name: 'commit-kind',
    started: `2026-03-0${(seed % 8) + 1}T10:05:00Z`,
    seed,
    device: 'cpu',
    state: 'finished',
    words: 'finished · 120 steps',
    step: 120,
    totalSteps: 120,
    secondsLeft: null,
    canStop: false,
    canResume: false,
    hasAdapter: true,
    error: null,
    ...changes,
  };
}

/** A falling loss with a validation every 20 steps. */
export function fakeEvents(seed: number, steps: number, totalSteps = 120): TrainingEvent[] {
  const events: TrainingEvent[] = [
    {
      event: 'start',
      total_steps: totalSteps,
      resumed_from: 0,
      epochs: 3,
      train_rows: 320,
      validation_rows: 40,
      trainable_parameters: 3072,
      total_parameters: 2_656_704,
      modules: 12,
      device: 'cpu',
    },
  ];
  for (let step = 1; step <= steps; step++) {
    const base = 0.08 + 2.6 * Math.exp(-step / (18 + 4 * (seed % 5)));
    events.push({
      event: 'step',
      step,
      epoch: (3 * step) / totalSteps,
      loss: base * (0.75 + 0.5 * noise(seed, step)),
      learning_rate: 0.3 * Math.min(step / 20, (totalSteps - step) / (totalSteps - 20)),
      grad_norm: 1,
      tokens: 240 + Math.round(60 * noise(step, seed)),
      seconds: 0.15 + 0.05 * noise(step, 7),
    });
    if (step % 20 === 0) {
      events.push({ event: 'eval', step, loss: base * 1.1, best: true, seconds: 0.4 });
      events.push({
        event: 'sample',
        step,
        input: 'Commit: add a retry to the uploader\nKind:',
        expected: ' feature',
        output: ' feature',
      });
    }
  }
  if (steps === totalSteps) {
    events.push({
      event: 'done',
      step: steps,
      reason: 'finished',
      best_step: 120,
      best_loss: 0.09,
      seconds: 23.4,
      trainable_parameters: 3072,
      adapter: '/w/.softprompt/adapters/commit-kind/1',
    });
  }
  return events;
}

const labels = ['feature', 'fix', 'docs', 'test', 'refactor', 'chore'];
/** Arms and how often each is right. */
const rates = {
  base: 0.09,
  zero_shot: 0.42,
  'zero_shot named': 0.78,
  few_shot: 0.6,
  'commit-kind 1': 0.93,
  'commit-kind 2': 0.95,
};

/** What is measured of an arm besides its answers; `place` is its place among the arms. */
function measured(kind: ArmResult['kind'], place: number, rows: number): Partial<ArmResult> {
  const isAdapter = kind === 'adapter';
  const guard = {
    prose: { figure: 'perplexity', value: 21.4 + (isAdapter ? place : 0), change: isAdapter ? place : 0, rows: 120 },
    arithmetic: { figure: 'accuracy', value: isAdapter ? 0.6 : 0.64, change: isAdapter ? -0.04 : 0, rows: 50 },
  } as const;
  const cost = {
    trainable_percent: isAdapter ? 0.1156 : 0,
    ...{ swap_ms: isAdapter ? 6.12 : 0.04, first_token_ms: 11.2 + 0.3 * place, token_ms: 4.1 + 0.06 * place },
    memory_bytes: (281 + 9 * place) * 2 ** 20,
  };
  const found = { prompt: 'Name the kind of this commit:\n{{text}}', given: 'Which kind is this commit? {{text}}' };
  const searched = { found: { ...found, tried: 24, rows: 40, right: 31, given_right: 17 } };
  const untouched = {
    base_untouched: { fingerprint: true, largest_logit_difference: 0 },
    training_tokens_per_second: 1712,
    training_seconds: 20 + place,
  };
  return {
    ...{ guard, cost },
    ...(kind === 'hard_prompt'
      ? {}
      : { avoided: { rows: 60, log_probability: -2 - place, change: isAdapter ? -place : null } }),
    ...(place === 2 && searched),
    ...(place < 2 && { cached_rows: rows }),
    ...(isAdapter && untouched),
  };
}

/** An evaluation of six arms. */
export async function fakeEvaluation(rowCount: number): Promise<EvaluationResult> {
  const rows = Array.from({ length: rowCount }, (_, index) => {
    const expected = labels[index % labels.length] as string;
    const answer = (arm: number, rate: number): RowAnswer => {
      const correct = noise(index, arm, 3) < rate;
      const text = correct
        ? expected
        : (labels[(index + 1 + Math.floor(4 * noise(arm, index))) % labels.length] as string);
      return {
        text,
        correct: text === expected,
        probability: 0.5 + 0.5 * noise(index, arm),
        target_loss: correct ? 0.1 : 2.3,
        target_tokens: 2,
        greedy: ` ${text}`,
      };
    };
    return {
      index,
      input: `Commit: ${['add a retry to', 'correct the rounding in', 'describe', 'cover', 'split'][index % 5]} the ${['uploader', 'price table', 'login page', 'parser', 'job queue', 'mail sender'][index % 6]} (${index})\nKind:`,
      expected,
      answers: Object.fromEntries(Object.entries(rates).map(([name, rate], arm) => [name, answer(arm, rate)])),
    };
  });
  const arms = Object.keys(rates).map((name, place): ArmResult => {
    const right = rows.filter(({ answers }) => answers[name]?.correct);
    const isAdapter = name.startsWith('commit');
    return {
      name,
      kind: place === 0 ? 'base' : isAdapter ? 'adapter' : 'hard_prompt',
      detail:
        place === 0
          ? null
          : isAdapter
            ? `/w/.softprompt/adapters/${name.replace(' ', '/')}`
            : 'Which kind is this commit? {{text}}',
      metrics: {
        accuracy: right.length / rowCount,
        f1: right.length / rowCount - 0.01,
        perplexity: place === 0 ? null : 3 - right.length / rowCount,
      },
      confusion: {
        labels,
        counts: labels.map((expected) =>
          [...labels, 'other'].map(
            (answered) =>
              rows.filter((row) => row.expected === expected && row.answers[name]?.text === answered).length,
          ),
        ),
      },
      wins: rows.filter(({ answers }) => answers[name]?.correct && !answers.base?.correct).length,
      losses: rows.filter(({ answers }) => !answers[name]?.correct && answers.base?.correct).length,
      seconds: 3.2 + place,
      trainable_parameters: isAdapter ? 3072 * 7 ** (place - 4) : 0,
      bytes: isAdapter ? 12_392 * 7 ** (place - 4) : 0,
      ...measured(place === 0 ? 'base' : isAdapter ? 'adapter' : 'hard_prompt', place, rowCount),
    };
  });
  const judged = arms.map(({ name }) => ({
    name,
    rows: rows.map(({ expected, answers }) => ({ expected, answer: answers[name]! })),
  }));
  const pairs = await comparePairs(judged, 'accuracy', labels, 1, new AbortController().signal);
  return {
    id: 'evaluation-1',
    created: '2026-03-01T10:10:00Z',
    experiment: '/w/commit-kind.tune.yaml',
    model: '/w/models/tiny',
    data: 'commits.test.jsonl',
    mode: 'choice',
    labels,
    metrics: ['accuracy', 'f1', 'perplexity', 'ece'],
    arms: arms.map((arm, i) => ({
      ...arm,
      metrics: { ...arm.metrics, ece: scoreOf(calibrationError(judged[i]!.rows)!) },
      classes: classFigures(arm.confusion!),
      reliability: reliability(judged[i]!.rows)!,
    })),
    pairs,
    verdicts: verdictsOf(arms, pairs, 'accuracy', rowCount),
    rows,
  };
}
