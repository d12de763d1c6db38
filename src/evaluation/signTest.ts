/**
 * Two-sided exact sign test (McNemar's for paired right and wrong answers): how likely wins and losses at least as
 * unequal are when either arm wins a differing row with probability 1/2. McNemar (1947), Psychometrika 12; 1 without any.
 */
export function signTest(wins: number, losses: number): number {
  const n = wins + losses;
  const fewer = Math.min(wins, losses);
  // Binomial probabilities in logarithms: 2^-n leaves the range of doubles for n above 1074.
  let logCoefficient = 0;
  let tail = 0;
  for (let k = 0; k <= fewer; k++) {
    tail += Math.exp(logCoefficient - n * Math.LN2);
    logCoefficient += Math.log(n - k) - Math.log(k + 1);
  }
  return Math.min(1, 2 * tail);
}
