/**
 * Exponential moving average of a series that starts without a bias towards zero (as Adam corrects its moments):
 * m_t = w m_{t-1} + (1 - w) x_t, shown as m_t / (1 - w^t). `weight` w in 0..1: 0 leaves the series as it is.
 */
export function smoothed(values: readonly number[], weight: number): number[] {
  let mean = 0;
  let scale = 1;
  return values.map((value) => {
    mean = weight * mean + (1 - weight) * value;
    scale *= weight;
    return mean / (1 - scale);
  });
}
