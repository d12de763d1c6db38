import { z } from 'zod';
import { full } from './methodSections/full.ts';
import { ia3 } from './methodSections/ia3.ts';
import { lnTuning } from './methodSections/lnTuning.ts';
import { lora } from './methodSections/lora.ts';
import { prefixTuning } from './methodSections/prefixTuning.ts';
import { promptTuning } from './methodSections/promptTuning.ts';
import { pTuning } from './methodSections/pTuning.ts';
import { initFrom } from './methodSections/sharedKeys.ts';

/**
 * The `method` of an experiment file: a section a method (methodSections/), in PEFT's own keys. Sections are strict, unlike
 * an adapter's own file: a misspelt key would train something else than was asked for without a word.
 */

/** Method names that are known but have no keys of their own here yet; the engine says whether it can train them. */
const otherMethods = [
  'ADALORA',
  'VERA',
  'LOHA',
  'LOKR',
  'OFT',
  'BOFT',
  'MULTITASK_PROMPT_TUNING',
  'CPT',
  'ADAPTION_PROMPT',
  'FOURIERFT',
  'VBLORA',
  'XLORA',
  'POLY',
  'HRA',
  'MISS',
  'RANDLORA',
  'ROAD',
  'SHIRA',
  'C3A',
  'TRAINABLE_TOKENS',
  'BOTTLENECK',
] as const;

const otherMethod = z.looseObject({
  peft_type: z.enum(otherMethods).describe("PEFT's name of the method, or BOTTLENECK."),
  init_from: initFrom,
});

/** What is trained: one of the sections, by `peft_type`. */
export const method = z
  .discriminatedUnion('peft_type', [promptTuning, pTuning, prefixTuning, lora, ia3, lnTuning, full, otherMethod])
  .describe("What is trained, in PEFT's own keys (those of adapter_config.json).");

/** The method with its defaults; an adapter that training starts from has its own values. */
export function completeMethod(section: z.output<typeof method>) {
  if (section.init_from !== undefined) return section;
  switch (section.peft_type) {
    case 'PROMPT_TUNING':
      return {
        ...section,
        num_virtual_tokens: section.num_virtual_tokens ?? 20,
        prompt_tuning_init: section.prompt_tuning_init ?? 'SAMPLE_VOCAB',
      };
    case 'P_TUNING':
      return { ...section, num_virtual_tokens: section.num_virtual_tokens ?? 20 };
    case 'PREFIX_TUNING': {
      const begun = section.prefix_projection === true || section.prompt_tuning_init !== undefined;
      const { num_virtual_tokens = 20, init_weights = begun ? null : 'zero' } = section;
      return { ...section, num_virtual_tokens, init_weights };
    }
    default:
      return section;
  }
}

/** The learning rate where none is given: a prompt's own numbers take large steps, a network's small ones. */
export function defaultLearningRate(section: z.output<typeof method>): number {
  switch (section.peft_type) {
    case 'PROMPT_TUNING':
      return 0.3;
    case 'P_TUNING':
      return 1e-3;
    case 'PREFIX_TUNING':
      return section.prefix_projection === true ? 1e-3 : 1e-2;
    case 'LN_TUNING':
      return 1e-3;
    default:
      return 5e-5;
  }
}
