import type { Model } from '../models/model.ts';
import type { LinearSite } from '../models/sites.ts';
import type { StoredCopy } from './method.ts';
import { baseTensor } from './savedModules.ts';
import type { ModulePattern } from './targets.ts';

/** Names by which PEFT knows the table of token embeddings and the output head (`EMBEDDING_LAYER_NAMES`). */
const tableNames = ['embed_tokens', 'lm_head'];

/**
 * What PEFT writes beside an adapter that names one of these in `target_modules` (`save_embedding_layers="auto"`): the
 * untouched tensors of the token embeddings and the output head, of those that the adapter acts on.
 */
export function storedTables(
  pattern: ModulePattern,
  model: Model,
  embeddings: readonly LinearSite[],
  heads: readonly LinearSite[],
): readonly StoredCopy[] {
  if (!tableNames.some((name) => pattern.includes(name))) return [];
  const tokens = embeddings.filter(({ path }) => path === model.architecture.tokenEmbedding.path);
  // To PEFT a classifier is no output embedding.
  const outputs = model.classifier === null ? heads : [];
  return [...tokens, ...outputs].flatMap(({ path, hasBias }) =>
    ['weight', ...(hasBias ? ['bias'] : [])].map((part) => {
      const weight = `${path}.${part}`;
      const dims = model.weights.tensors.get(weight)!.shape;
      return {
        name: `base_model.model.${path}.base_layer.${part}`,
        of: model.name,
        dims,
        read: () => baseTensor(model, weight),
      };
    }),
  );
}
