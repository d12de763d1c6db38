import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import { SoftpromptError } from '../foundation/errors.ts';
import { fileError } from '../foundation/files.ts';
import { isJsonObject, type JsonObject, type JsonValue } from './json.ts';
import { readJsonObject } from './jsonFile.ts';
import { listModelFolder } from './modelFolder.ts';

/** A model's tokenizer, giving the ids that Hugging Face's own gives. */
export interface Tokenizer {
  /** The file it was read from. */
  readonly file: string;
  /** Special tokens: those the model starts or ends every text with. Their text inside `text` becomes the token, too. */
  encode(text: string, options: { readonly addSpecialTokens: boolean }): number[];
  decode(ids: readonly number[], options: { readonly skipSpecialTokens: boolean }): string;
  /** The token that ends a text: the tokenizer's, or else the generation config's or config's first. */
  readonly eosTokenId: number | null;
  /** Every token that ends a generated text. */
  readonly eosTokenIds: readonly number[];
  readonly bosTokenId: number | null;
  readonly padTokenId: number | null;
  /** Number of tokens, added ones included. */
  readonly vocabularySize: number;
}

/**
 * Reads tokenizer.json of a model folder with tokenizer_config.json, special_tokens_map.json, generation_config.json
 * and config.json, as far as they are there.
 * @throws SoftpromptError tokenizer-unusable, json-invalid, file-missing, file-unreadable
 */
export async function openTokenizer(dir: string): Promise<Tokenizer> {
  const names = await listModelFolder(dir);
  const file = join(dir, 'tokenizer.json');
  if (!names.has('tokenizer.json')) throw withoutTokenizer(dir, names);
  const optional = (name: string) => (names.has(name) ? readJsonObject(join(dir, name)) : emptyObject);
  const [json, config, specialTokens, generation, model] = await Promise.all([
    readTokenizerJson(file),
    optional('tokenizer_config.json'),
    optional('special_tokens_map.json'),
    optional('generation_config.json'),
    optional('config.json'),
  ]);
  const tokenizer = construct(file, json, config);

  /** Ids of a token such as `eos` as the tokenizer names it, then as the model's configs do. */
  const idsOf = (token: string): readonly number[] => {
    const content = tokenContent(config[`${token}_token`]) ?? tokenContent(specialTokens[`${token}_token`]);
    const own = content === undefined ? undefined : tokenizer.token_to_id(content);
    const others = [generation, model].flatMap((object) => object[`${token}_token_id`] ?? []);
    return [...new Set([own, ...others])].filter((id) => typeof id === 'number');
  };
  const eosTokenIds = idsOf('eos');
  return {
    file,
    encode: (text, { addSpecialTokens }) => tokenizer.encode(text, { add_special_tokens: addSpecialTokens }).ids,
    decode: (ids, { skipSpecialTokens }) =>
      ids.length === 0
        ? ''
        : tokenizer.decode([...ids], {
            skip_special_tokens: skipSpecialTokens,
            // Follows transformers 5, which no longer cleans up whatever tokenizer_config.json says.
            clean_up_tokenization_spaces: false,
          }),
    eosTokenId: eosTokenIds[0] ?? null,
    eosTokenIds,
    bosTokenId: idsOf('bos')[0] ?? null,
    padTokenId: idsOf('pad')[0] ?? null,
    vocabularySize: tokenizer.get_vocab(true).size,
  };
}

const emptyObject: JsonObject = Object.freeze(Object.create(null));

/** The text of a special token, which is written as a string or as an object with `content`. */
export function tokenContent(value: JsonValue | undefined): string | undefined {
  const content = isJsonObject(value) ? value.content : value;
  return typeof content === 'string' ? content : undefined;
}

/** tokenizer.json can hold tens of megabytes and is only passed on: JSON.parse does. */
async function readTokenizerJson(file: string): Promise<object> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw fileError(file, error);
  });
  try {
    const json: unknown = JSON.parse(text.startsWith('\ufeff') ? text.slice(1) : text);
    if (typeof json === 'object' && json !== null && 'model' in json) return json;
  } catch (error) {
    const problem = `is not valid JSON (${error instanceof Error ? error.message : String(error)})`;
    throw new SoftpromptError('tokenizer-unusable', { file, problem, todo: 'Download it again.' }, { cause: error });
  }
  throw new SoftpromptError('tokenizer-unusable', { file, problem: 'is not a tokenizer (it has no "model")' });
}

function construct(file: string, json: object, config: JsonObject): HuggingFaceTokenizer {
  try {
    return new HuggingFaceTokenizer(json, config);
  } catch (error) {
    const problem = `is a tokenizer that cannot be used here (${error instanceof Error ? error.message : String(error)})`;
    throw new SoftpromptError('tokenizer-unusable', { file, problem }, { cause: error });
  }
}

function withoutTokenizer(dir: string, names: ReadonlySet<string>): SoftpromptError {
  const old = ['tokenizer.model', 'spiece.model', 'vocab.json', 'vocab.txt'].find((name) => names.has(name));
  return new SoftpromptError('tokenizer-unusable', {
    file: dir,
    problem: old === undefined ? 'has no tokenizer.json' : `has ${old} but no tokenizer.json, the form that is read`,
    todo:
      old === undefined
        ? "Put the tokenizer's files into the model's folder, or give rows that hold input_ids."
        : 'Write it once with AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR).',
  });
}
