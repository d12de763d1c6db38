import type { ModelConfig } from '../checkpoint/config.ts';
import type { Encoder } from './architecture.ts';
import { bertLike } from './bert.ts';
import { linearWeights } from './weightSpecs.ts';

/** RoBERTa: BERT without a pooler, positions counted from behind the padding token's; https://arxiv.org/abs/1907.11692. */
export const roberta = (config: ModelConfig): Encoder =>
  bertLike(config, {
    root: 'roberta',
    vocabulary: 50_265,
    maxPositions: 514,
    tokenTypes: 2,
    firstPosition: config.integer('pad_token_id', 1) + 1,
    pooler: false,
    classifier: (hidden) => ({
      modules: ['classifier'],
      weights: (classes) => [
        ...linearWeights('classifier.dense', hidden, hidden, biased),
        ...linearWeights('classifier.out_proj', classes, hidden, biased),
      ],
      logits: (scope, x) =>
        scope.linear('classifier.out_proj', scope.b.tanh(scope.linear('classifier.dense', x, biased)), biased),
    }),
  });

const biased = { bias: true };
