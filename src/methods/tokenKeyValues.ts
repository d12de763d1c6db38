import { buildVirtualGraph, cacheNames } from '../models/decodeGraph.ts';
import { virtualInputs } from '../models/inputs.ts';
import type { Model } from '../models/model.ts';
import { frequencyInputs } from '../models/rotaryTables.ts';
import { readTokenEmbeddings } from '../models/tokenEmbedding.ts';
import { floatOutput, GraphSession } from '../runtime/session.ts';
import { floats } from '../runtime/tensor.ts';
import { promptEmbeddings } from './promptEncoder.ts';
import { softPromptShape } from './softPrompt.ts';

/**
 * The keys and values that a model makes of tokens which a row begins with: for each token layer 0's key, layer 0's value,
 * layer 1's key and so on, each `[kvHeads, headDim]`.
 */
export async function tokenKeyValues(model: Model, ids: readonly number[]): Promise<Float32Array> {
  const { sizes } = model.architecture;
  const { layers, kvHeads, headDim } = sizes;
  const { width } = model.architecture.tokenEmbedding;
  const count = ids.length;
  const session = await GraphSession.create(buildVirtualGraph(model, softPromptShape(count, width))!, 'cpu');
  try {
    const embeddings = floats(await readTokenEmbeddings(model, ids), [count, width]);
    const made = await session.run(
      new Map([
        ...virtualInputs(sizes, count, 1),
        ...frequencyInputs(sizes, [count]),
        [promptEmbeddings, embeddings] as const,
      ]),
    );
    const rowSize = layers * 2 * kvHeads * headDim;
    const rows = new Float32Array(count * rowSize);
    for (let layer = 0; layer < layers; layer++) {
      const { key, value } = cacheNames('present', layer);
      for (const [part, name] of [key, value].entries()) {
        const { data } = floatOutput(made, name); // [1, kvHeads, count, headDim]
        for (let head = 0; head < kvHeads; head++) {
          const to = ((2 * layer + part) * kvHeads + head) * headDim;
          for (let t = 0; t < count; t++) {
            const from = (head * count + t) * headDim;
            rows.set(data.subarray(from, from + headDim), t * rowSize + to);
          }
        }
      }
    }
    return rows;
  } finally {
    await session.close();
  }
}
