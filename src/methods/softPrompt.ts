import type { ModelConfig } from '../checkpoint/config.ts';
import type { Model } from '../models/model.ts';
import type { MethodShape } from './method.ts';
import { type PromptForm, promptConfig } from './promptConfig.ts';
import { promptEmbeddings } from './promptEncoder.ts';
import { inPlace } from './savedModules.ts';

/** Virtual tokens `[count, width]` in the place of token embeddings, whatever trains them. */
export interface SoftPrompt extends PromptForm {
  readonly width: number;
  readonly shape: MethodShape;
}

/** The soft prompt that a configuration asks for. @throws SoftpromptError config-key */
export function softPrompt(options: ModelConfig, model: Model): SoftPrompt {
  const { width } = model.architecture.tokenEmbedding;
  const form = promptConfig(options, model, { heads: model.architecture.sizes.heads, width, what: 'embeddings' });
  const { count, copies, saved } = form;
  if (copies === 1 && saved.length === 0) return { ...form, width, shape: softPromptShape(count, width) };
  const shape: MethodShape = {
    structure: `soft prompt ${JSON.stringify({ rows: copies === 1 ? null : count, saved: saved.map(({ name }) => name) })}`,
    virtualTokens: count,
    virtualHidden: true,
    virtualOnly: saved.length === 0,
    trainables: [
      copies === 1
        ? { name: promptEmbeddings, dims: [count, width], graphDims: ['virtual', width] }
        : { name: promptEmbeddings, dims: [copies * count, width] },
      ...saved.map(({ name, dims }) => ({ name, dims })),
    ],
    hooks: (trained) => ({
      // Of a table of two parts PEFT reads the first alone; the second is its file format.
      virtualTokens: (b) => {
        const table = trained.get(promptEmbeddings)!;
        return copies === 1 ? table : b.split(table, 0, [count, count])[0]!;
      },
      weight: inPlace(saved, trained),
    }),
  };
  return { ...form, width, shape };
}

/** How so many virtual tokens of a width act. */
export function softPromptShape(count: number, width: number): MethodShape {
  return {
    structure: 'soft prompt',
    virtualTokens: count,
    virtualHidden: true,
    virtualOnly: true,
    trainables: [{ name: promptEmbeddings, dims: [count, width], graphDims: ['virtual', width] }],
    hooks: (trained) => ({ virtualTokens: () => trained.get(promptEmbeddings)! }),
  };
}
