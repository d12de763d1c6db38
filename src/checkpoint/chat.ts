import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Template } from '@huggingface/jinja';
import { SoftpromptError } from '../foundation/errors.ts';
import { fileError } from '../foundation/files.ts';
import { isJsonObject, type JsonObject, type JsonValue } from './json.ts';
import { readJsonObject } from './jsonFile.ts';
import { listModelFolder } from './modelFolder.ts';
import { tokenContent } from './tokenizer.ts';

/** One message of a conversation. */
export interface ChatMessage {
  readonly role: string;
  readonly content: string;
}

/** A model's own way to write a conversation down as one text. */
export interface ChatTemplate {
  /** The file it was read from. */
  readonly file: string;
  /**
   * The conversation as text, special tokens included: to be encoded without adding any.
   * @param options addGenerationPrompt: end with what makes the model answer
   * @throws SoftpromptError chat-template when the template refuses the messages
   */
  render(messages: readonly ChatMessage[], options: { readonly addGenerationPrompt: boolean }): string;
}

/**
 * Finds a model folder's chat template: chat_template.jinja, or `chat_template` in tokenizer_config.json (a text, or a
 * list of named ones of which `default` counts). Undefined for a model that has none.
 * @throws SoftpromptError chat-template when it cannot be parsed; json-invalid, file-missing, file-unreadable
 */
export async function openChatTemplate(dir: string): Promise<ChatTemplate | undefined> {
  const names = await listModelFolder(dir);
  const configFile = join(dir, 'tokenizer_config.json');
  const jinjaFile = join(dir, 'chat_template.jinja');
  const config = names.has('tokenizer_config.json') ? await readJsonObject(configFile) : {};
  const file = names.has('chat_template.jinja') ? jinjaFile : configFile;
  const source = file === jinjaFile ? await readText(jinjaFile) : defaultTemplate(config.chat_template);
  if (source === undefined) return undefined;
  const template = attempt(file, () => new Template(source));
  const specialTokens = tokenTexts(config);
  return {
    file,
    render: (messages, { addGenerationPrompt }) =>
      attempt(file, () =>
        template.render({ ...specialTokens, messages, add_generation_prompt: addGenerationPrompt, tools: null }),
      ),
  };
}

async function readText(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: unknown) => {
    throw fileError(file, error);
  });
}

function defaultTemplate(value: JsonValue | undefined): string | undefined {
  if (!Array.isArray(value)) return typeof value === 'string' ? value : undefined;
  const named = value.find((entry: JsonValue) => isJsonObject(entry) && entry.name === 'default');
  return isJsonObject(named) && typeof named.template === 'string' ? named.template : undefined;
}

/** `bos_token` and the like, which templates refer to. */
function tokenTexts(config: JsonObject): Readonly<Record<string, string>> {
  const texts = Object.keys(config).flatMap((key) => {
    const text = key.endsWith('_token') ? tokenContent(config[key]) : undefined;
    return text === undefined ? [] : [[key, text] as const];
  });
  return Object.fromEntries(texts);
}

function attempt<T>(file: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw new SoftpromptError('chat-template', { file, problem }, { cause: error });
  }
}
