import type { JsonObject } from '../checkpoint/json.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import type { Model } from '../models/model.ts';
import { full } from './full.ts';
import type { Method, MethodFactory, MethodShape, PeftType } from './method.ts';
import { promptTuning } from './promptTuning.ts';

const methods = { PROMPT_TUNING: promptTuning, FULL: full } satisfies Record<PeftType, MethodFactory>;

/** The method that a configuration's `peft_type` names. */
export function configureMethod(config: JsonObject, model: Model): Method {
  const { peft_type: type } = config;
  if (typeof type !== 'string' || !(type in methods)) {
    throw new SoftpromptError('method-unknown', { type: String(type), known: Object.keys(methods) });
  }
  return methods[type as PeftType](config, model);
}

/** No method at all: the base model. */
export const baseModel: MethodShape = {
  trainables: [],
  hooks: () => ({}),
  virtualTokens: 0,
  virtualHidden: false,
  virtualOnly: true,
};
