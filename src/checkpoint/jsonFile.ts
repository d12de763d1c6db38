import { readFile } from 'node:fs/promises';
import { SoftpromptError } from '../foundation/errors.ts';
import { fileError } from '../foundation/files.ts';
import { isJsonObject, type JsonObject, JsonSyntaxError, parseJson, plainJson } from './json.ts';

/**
 * Reads a JSON file whose document is an object, as Python's json module would: NaN and infinities are taken, the last
 * of repeated keys counts.
 * @param needed what the file is needed for, said when it is missing
 * @throws SoftpromptError file-missing, file-unreadable, json-invalid
 */
export async function readJsonObject(file: string, needed?: string): Promise<JsonObject> {
  const bytes = await readFile(file).catch((error: unknown) => {
    throw fileError(file, error, needed);
  });
  try {
    const value = plainJson(parseJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes), { python: true }));
    if (!isJsonObject(value)) throw new JsonSyntaxError('the document is not an object', '', 0);
    return value;
  } catch (error) {
    if (!(error instanceof JsonSyntaxError || error instanceof TypeError)) throw error;
    const {
      line,
      column,
      message: problem,
    } = error instanceof JsonSyntaxError ? error : { line: 1, column: 1, message: 'the text is not UTF-8' };
    throw new SoftpromptError('json-invalid', { file, line, column, problem }, { cause: error });
  }
}
