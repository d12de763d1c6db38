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
  if (placementOf(options, model) === 'suffix') {
    return { ...form, table: suffixEmbeddings, width, shape: suffixShape(count, width) };
  }
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

/**
 * The tensor of a suffix. PEFT has no such placement and would put the rows before the input without a word: under another
 * name than its own it refuses the file.
 */
const suffixEmbeddings = 'suffix_embeddings';

/** Where the virtual tokens stand; our own key. @throws SoftpromptError config-key */
function placementOf(options: ModelConfig, { architecture, task, modelType }: Model): 'prefix' | 'suffix' {
  const placement = options.string('placement', 'prefix');
  if (placement === 'prefix') return 'prefix';
  if (placement !== 'suffix') throw options.invalid('placement', `is "${placement}"; known are prefix, suffix`);
  if (architecture.kind === 'decoder' && task === 'causal_lm') return 'suffix';
  throw options.invalid('placement', `is suffix, which goes with task: causal_lm; this is ${modelType} for ${task}`);
}

/** Virtual tokens between what is given and what is predicted. */
function suffixShape(count: number, width: number): MethodShape {
  return {
    structure: 'suffix',
    virtualTokens: 0,
    virtualHidden: false,
    virtualOnly: false,
    suffixTokens: count,
    trainables: [{ name: suffixEmbeddings, dims: [count, width], graphDims: ['suffix', width] }],
    hooks: (trained) => ({ suffixTokens: () => trained.get(suffixEmbeddings)! }),
  };
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
