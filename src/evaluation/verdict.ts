import type { ArmResult, EvaluationResult } from './result.ts';
import { signTest } from './signTest.ts';

/** Chance of seeing such a difference without there being one, below which it is called one. */
const significance = 0.05;

/** For each adapter one sentence: is it better than the best hand-written prompt (or the base model) on these rows? */
export function verdictOf(result: EvaluationResult): string[] {
  const rivals = result.arms.filter(({ kind }) => kind !== 'adapter');
  const rival = rivals.reduce<ArmResult | undefined>(
    (best, arm) => (best === undefined || rightRows(result, arm) > rightRows(result, best) ? arm : best),
    undefined,
  );
  if (rival === undefined) return [];
  return result.arms.filter(({ kind }) => kind === 'adapter').map((arm) => sentence(result, arm, rival));
}

function sentence(result: EvaluationResult, adapter: ArmResult, rival: ArmResult): string {
  const wins = countWins(result, adapter, rival);
  const losses = countWins(result, rival, adapter);
  const p = signTest(wins, losses);
  const figures =
    `${rightRows(result, adapter)} against ${rightRows(result, rival)} of ${result.rows.length} rows right, ` +
    `${wins} rows won and ${losses} lost, p = ${p < 0.001 ? p.toExponential(1) : p.toFixed(3)} (sign test)`;
  if (p >= significance)
    return `As far as these rows can tell, ${rival.name} does as well as ${adapter.name}: ${figures}.`;
  return `${adapter.name} is ${wins > losses ? 'better' : 'worse'} than ${rival.name}, the best without it: ${figures}.`;
}

function rightRows(result: EvaluationResult, arm: ArmResult): number {
  return result.rows.filter((row) => row.answers[arm.name]?.correct === true).length;
}

function countWins(result: EvaluationResult, arm: ArmResult, over: ArmResult): number {
  return result.rows.filter(
    ({ answers }) => answers[arm.name]?.correct === true && answers[over.name]?.correct === false,
  ).length;
}
