import { methodNameOf } from '../checkpoint/adapterFolder.ts';
import type { JsonObject } from '../checkpoint/json.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import type { Model } from '../models/model.ts';
import { adalora } from './adalora.ts';
import { bottleneck } from './bottleneck.ts';
import { full } from './full.ts';
import { ia3 } from './ia3.ts';
import { lnTuning } from './lnTuning.ts';
import { loha } from './loha.ts';
import { lokr } from './lokr.ts';
import { lora } from './lora.ts';
import type { Method, MethodFactory, MethodShape, PeftType } from './method.ts';
import { prefixTuning } from './prefixTuning.ts';
import { promptTuning } from './promptTuning.ts';
import { pTuning } from './pTuning.ts';
import { unionOf } from './union.ts';
import { vera } from './vera.ts';

const methods = {
  PROMPT_TUNING: promptTuning,
  P_TUNING: pTuning,
  PREFIX_TUNING: prefixTuning,
  LORA: lora,
  IA3: ia3,
  LN_TUNING: lnTuning,
  VERA: vera,
  LOHA: loha,
  LOKR: lokr,
  ADALORA: adalora,
  BOTTLENECK: bottleneck,
  FULL: full,
  UNION: (config, model, source) => unionOf(config, model, source, configureMethod),
} satisfies Record<PeftType, MethodFactory>;

/**
 * The method that a configuration's `peft_type` names, or whose form is AdapterHub's.
 * @param source what errors call the configuration: its file, or the `method` of an experiment
 * @throws SoftpromptError method-unknown, config-key
 */
export function configureMethod(config: JsonObject, model: Model, source = 'method'): Method {
  const type = methodNameOf(config);
  if (type === null || !Object.hasOwn(methods, type)) {
    throw new SoftpromptError('method-unknown', { source, type: String(type), known: Object.keys(methods) });
  }
  return methods[type as PeftType](config, model, source);
}

/** No method at all: the base model. */
export const baseModel: MethodShape = {
  structure: 'base',
  trainables: [],
  hooks: () => ({}),
  virtualTokens: 0,
  virtualHidden: false,
  virtualOnly: true,
};
