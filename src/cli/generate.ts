import { encodeInput } from '../data/templatedExample.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import { Random } from '../foundation/random.ts';
import { generate as generateTokens } from '../inference/generate.ts';
import type { LanguageModel } from '../inference/languageModel.ts';
import { exitStatus } from './exitStatus.ts';
import { interruptible } from './interrupt.ts';
import { openAttached } from './openAttached.ts';
import type { Terminal } from './terminal.ts';

/** Options of `softprompt generate`. */
export interface GenerateOptions {
  readonly model: string;
  readonly adapter?: string;
  readonly prompt?: string;
  readonly inputIds?: string;
  readonly maxNewTokens: number;
  readonly ignoreEos?: boolean;
  readonly temperature: number;
  readonly topP: number;
  readonly seed: number;
  readonly device: string;
  readonly json?: boolean;
}

/** Continues a text or token ids; prints the new tokens alone. */
export async function generate(options: GenerateOptions, terminal: Terminal): Promise<number> {
  const given = options.inputIds === undefined ? null : parseIds(options.inputIds);
  if ((given === null) === (options.prompt === undefined)) {
    const problem = 'give one of the two';
    throw new SoftpromptError('option-invalid', { option: '--prompt, --input-ids', problem });
  }
  const attached = await openAttached(options);
  const { language } = attached;
  const ids = given ?? encodeInput(language.tokenizer, options.prompt ?? '', language.model.task);
  const { vocabulary } = language.model.architecture.sizes;
  const unknown = given?.find((id) => id >= vocabulary);
  if (unknown !== undefined) throw invalidIds(`${unknown} is no token of the model, which has ${vocabulary}`);
  const { temperature, topP, seed, maxNewTokens } = options;
  const sampling = temperature === 0 ? null : { temperature, topP, random: Random.of(seed, 'generate') };
  const stopIds = options.ignoreEos === true ? [] : endTokens(language);
  const [output] = await interruptible(
    () => terminal.note('\nStopping.'),
    (signal) => generateTokens(attached, [ids], { maxNewTokens, stopIds, sampling, signal }),
  );
  const text = language.hasTokenizer ? language.tokenizer.decode(output!, { skipSpecialTokens: true }) : null;
  await language.close();
  if (options.json === true) terminal.out(JSON.stringify({ output_ids: output, text }));
  else terminal.out(text ?? JSON.stringify(output));
  return exitStatus.done;
}

/** The tokens that end a text: the tokenizer's, or without one what config.json says. */
function endTokens(language: LanguageModel): readonly number[] {
  if (language.hasTokenizer) return language.tokenizer.eosTokenIds;
  return [language.model.config.raw('eos_token_id')].flat().filter((id) => typeof id === 'number');
}

function parseIds(text: string): readonly number[] {
  let ids: unknown;
  try {
    ids = JSON.parse(text);
  } catch {
    throw invalidIds('is not JSON');
  }
  if (!Array.isArray(ids) || ids.length === 0) throw invalidIds('is not a list of token ids');
  const wrong: unknown = ids.find((id) => !Number.isSafeInteger(id) || id < 0);
  if (wrong !== undefined) throw invalidIds(`${JSON.stringify(wrong)} is no token id`);
  return ids as number[];
}

function invalidIds(problem: string): SoftpromptError {
  const todo = 'Give them as in --input-ids "[1, 2, 3]".';
  return new SoftpromptError('option-invalid', { option: '--input-ids', problem, todo });
}
