import { z } from 'zod';
import { adalora } from './methodSections/adalora.ts';
import { bottleneck } from './methodSections/bottleneck.ts';
import { full } from './methodSections/full.ts';
import { ia3 } from './methodSections/ia3.ts';
import { lnTuning } from './methodSections/lnTuning.ts';
import { loha } from './methodSections/loha.ts';
import { lokr } from './methodSections/lokr.ts';
import { lora } from './methodSections/lora.ts';
import { prefixTuning } from './methodSections/prefixTuning.ts';
import { promptTuning } from './methodSections/promptTuning.ts';
import { pTuning } from './methodSections/pTuning.ts';
import { initFrom } from './methodSections/sharedKeys.ts';
import { unionSection } from './methodSections/union.ts';
import { vera } from './methodSections/vera.ts';

/**
 * The `method` of an experiment file: a section a method (methodSections/), in PEFT's own keys. Sections are strict, unlike
 * an adapter's own file: a misspelt key would train something else than was asked for without a word.
 */

/** Method names that are known but have no keys of their own here yet; the engine says whether it can train them. */
const otherMethods = [
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
] as const;

const otherMethod = z.looseObject({
  peft_type: z.enum(otherMethods).describe("PEFT's name of the method."),
  init_from: initFrom,
});

const sections = [
  promptTuning,
  pTuning,
  prefixTuning,
  lora,
  ia3,
  lnTuning,
  vera,
  loha,
  lokr,
  adalora,
  bottleneck,
  full,
] as const;

const union = unionSection(sections);

/** What is trained: one of the sections, by `peft_type`. */
export const method = z
  .discriminatedUnion('peft_type', [...sections, union, otherMethod])
  .describe("What is trained, in PEFT's own keys (those of adapter_config.json), or AdapterHub's for BOTTLENECK.");

/** Takes what is wrong, and at which key. */
type Fail = (path: PropertyKey[], message: string) => void;
type Section = z.output<typeof method>;
/** A method's section, in a union or alone. */
type OneSection = Exclude<Section, { peft_type: 'UNION' }> | z.output<typeof union>['methods'][number];

/** The method with its defaults; an adapter that training starts from has its own values. */
export function completeMethod(section: Section, learningRate: number | undefined) {
  if (section.peft_type !== 'UNION') return section.init_from === undefined ? withDefaults(section) : section;
  const methods = section.methods.map((member) => ({
    ...(section.init_from === undefined ? withDefaults(member) : member),
    learning_rate: member.learning_rate ?? learningRate ?? defaultLearningRate(member),
  }));
  return { ...section, methods };
}

function withDefaults<One extends OneSection>(section: One): One {
  return { ...section, ...defaultsOf(section) };
}

function defaultsOf(section: OneSection) {
  switch (section.peft_type) {
    case 'PROMPT_TUNING':
      return {
        num_virtual_tokens: section.num_virtual_tokens ?? 20,
        prompt_tuning_init: section.prompt_tuning_init ?? 'SAMPLE_VOCAB',
      };
    case 'P_TUNING':
      return { num_virtual_tokens: section.num_virtual_tokens ?? 20 };
    case 'PREFIX_TUNING': {
      const begun = section.prefix_projection === true || section.prompt_tuning_init !== undefined;
      const { num_virtual_tokens = 20, init_weights = begun ? null : 'zero' } = section;
      return { num_virtual_tokens, init_weights };
    }
    default:
      return {};
  }
}

/** Rules between the keys of a method. */
export function checkMethod(section: Section, fail: Fail): void {
  const begun = section.init_from !== undefined;
  if (section.peft_type !== 'UNION') {
    checkOne(section, begun, (path, message) => fail(['method', ...path], message));
    return;
  }
  for (const [i, member] of section.methods.entries()) {
    checkOne(member, begun, (path, message) => fail(['method', 'methods', i, ...path], message));
  }
}

function checkOne(section: OneSection, begun: boolean, fail: Fail): void {
  if (
    (section.peft_type === 'PROMPT_TUNING' || section.peft_type === 'PREFIX_TUNING') &&
    section.prompt_tuning_init === 'TEXT' &&
    !begun &&
    (section.prompt_tuning_init_text ?? '').trim() === ''
  ) {
    fail(['prompt_tuning_init_text'], 'is needed with prompt_tuning_init: TEXT');
  }
  if (section.peft_type === 'PREFIX_TUNING') {
    const [first, second] = [section.init_weights ?? undefined, section.prompt_tuning_init];
    if (first !== undefined && (second !== undefined || section.prefix_projection === true)) {
      fail(['init_weights'], 'zero goes without prompt_tuning_init and without prefix_projection only');
    }
    if (second !== undefined && section.prefix_projection === true) {
      fail(['prompt_tuning_init'], `${second} goes without prefix_projection only`);
    }
  }
  if (section.peft_type === 'LORA' && begun && /^pissa/.test(`${section.init_lora_weights}`)) {
    fail(['init_lora_weights'], 'is for a new adapter; one that PiSSA began goes on as the LORA it is stored as');
  }
}

/** The learning rate where none is given: a prompt's own numbers take large steps, a network's small ones. */
export function defaultLearningRate(section: Section | OneSection): number {
  switch (section.peft_type) {
    case 'UNION':
      return section.methods[0]?.learning_rate ?? defaultLearningRate(section.methods[0]!);
    case 'PROMPT_TUNING':
      return 0.3;
    case 'P_TUNING':
      return 1e-3;
    case 'PREFIX_TUNING':
      return section.prefix_projection === true ? 1e-3 : 1e-2;
    case 'LN_TUNING':
    case 'LOHA':
    case 'LOKR':
    case 'ADALORA':
      return 1e-3;
    case 'VERA':
      return 4e-3;
    case 'BOTTLENECK':
      return 1e-4;
    default:
      return 5e-5;
  }
}
