/** Normal quantile of a power of 0.8. */
const powerQuantile = 0.8416212335729143;

/**
 * The smallest difference of two shares of right answers that the exact sign test on so many rows shows with a power of 0.8, by
 * Connor (1987), Biometrics 43:207: rows = (z sqrt(s) + z' sqrt(s - d^2))^2 / d^2 with a share s of rows in which the arms differ.
 * It assumes that they go on to differ as often as they did, or as often as the difference itself needs; and the test never shows
 * anything on fewer rows that all differ one way than 2 / 2^k <= level asks for. More than 1 where not even all rows are enough.
 * @param differing rows in which just one of the arms is right
 */
export function smallestDifference(rows: number, differing: number, level: number): number {
  const z = normalQuantile(1 - level / 2);
  const observed = differing / rows;
  const enough = (d: number): boolean => {
    const share = Math.max(observed, d);
    return ((z * Math.sqrt(share) + powerQuantile * Math.sqrt(Math.max(0, share - d * d))) / d) ** 2 <= rows;
  };
  let [low, high] = [0, 1];
  for (let i = 0; i < 50; i++) {
    const middle = (low + high) / 2;
    if (enough(middle)) high = middle;
    else low = middle;
  }
  const fewest = Math.ceil(1 - Math.log2(level));
  return Math.max(high, fewest / rows);
}

/** The smallest difference that shows with a power of 0.8 where differences are spread normally with this standard error. */
export function smallestNormalDifference(standardError: number, level: number): number {
  return (normalQuantile(1 - level / 2) + powerQuantile) * standardError;
}

/** The value that a standard normal draw is under with probability p in [0.5, 1): Abramowitz and Stegun 26.2.23, then Newton's steps. */
export function normalQuantile(p: number): number {
  const t = Math.sqrt(-2 * Math.log(1 - p));
  let x = t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
  for (let i = 0; i < 3; i++) x += (upperTail(x) - (1 - p)) / (Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI));
  return x;
}

/** Chance that a standard normal draw is over x >= 0: the series of Abramowitz and Stegun 26.2.10. */
function upperTail(x: number): number {
  let [term, sum] = [x, x];
  for (let n = 1; n < 200; n++) {
    term *= (-x * x) / (2 * n);
    sum += term / (2 * n + 1);
  }
  return 0.5 - sum / Math.sqrt(2 * Math.PI);
}
