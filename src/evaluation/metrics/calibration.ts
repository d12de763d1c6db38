import { type Judged, type RowSums, rowSums } from './rowSums.ts';

/** Bins of equal width that chosen labels' probabilities fall into. */
const bins = 15;

/** One bin of the reliability table. */
export interface ReliabilityBin {
  /** Probabilities above `from`, up to `to`. */
  readonly from: number;
  readonly to: number;
  readonly rows: number;
  /** Mean probability of the chosen label. */
  readonly confidence: number;
  /** Share of right answers. */
  readonly accuracy: number;
}

/** Of each bin: rows, the sum of their probabilities, right answers. */
function binned(rows: readonly Judged[], score: RowSums['score']): RowSums | null {
  if (rows.some(({ answer }) => answer.probability === null)) return null;
  const add = ({ answer }: Judged, into: Float64Array) => {
    const bin = Math.min(bins - 1, Math.max(0, Math.ceil(answer.probability! * bins) - 1));
    into.set([1, answer.probability!, answer.correct ? 1 : 0], 3 * bin);
  };
  return rowSums(3 * bins, rows, add, score);
}

/**
 * Expected calibration error: the mean distance of confidence and accuracy over 15 bins, weighted by their rows. Guo et al.,
 * https://arxiv.org/abs/1706.04599, equation 3.
 */
export function calibrationError(rows: readonly Judged[]): RowSums | null {
  return binned(rows, (sums) => {
    let [count, error] = [0, 0];
    for (let at = 0; at < sums.length; at += 3) {
      count += sums[at]!;
      error += Math.abs(sums[at + 1]! - sums[at + 2]!);
    }
    return count === 0 ? null : error / count;
  });
}

/** How sure and how right an arm was, by how sure it was; null where answers have no probability. Empty bins are left out. */
export function reliability(rows: readonly Judged[]): readonly ReliabilityBin[] | null {
  const table = binned(rows, () => null);
  if (table === null) return null;
  return Array.from({ length: bins }, (_, bin): ReliabilityBin => {
    let [count, confidence, right] = [0, 0, 0];
    for (let at = 3 * bin; at < table.added.length; at += table.width) {
      count += table.added[at]!;
      confidence += table.added[at + 1]!;
      right += table.added[at + 2]!;
    }
    return {
      from: bin / bins,
      to: (bin + 1) / bins,
      rows: count,
      confidence: confidence / count,
      accuracy: right / count,
    };
  }).filter(({ rows: count }) => count > 0);
}
