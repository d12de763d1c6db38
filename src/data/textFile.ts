import { isUtf8 } from 'node:buffer';
import { SoftpromptError } from '../foundation/errors.ts';

const newline = 0x0a;
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);

/**
 * The bytes of a UTF-8 text without its byte order mark.
 * @throws SoftpromptError data-invalid with the first line that is no text
 */
export function textBytes(file: string, bytes: Buffer): Buffer {
  if (isUtf8(bytes) && !bytes.includes(0)) {
    return bytes.subarray(0, 3).equals(byteOrderMark) ? bytes.subarray(3) : bytes;
  }
  let line = 0;
  for (const content of byteLines(bytes)) {
    line += 1;
    if (!isUtf8(content) || content.includes(0)) break;
  }
  const todo = 'Save the file as UTF-8 text.';
  throw new SoftpromptError('data-invalid', { file, line, problem: 'is not UTF-8 text', todo });
}

/** The lines of a UTF-8 text that are not blank, without their line ends (LF or CRLF), and their numbers from 1. */
export function* textLines(bytes: Buffer): Iterable<{ readonly line: number; readonly content: string }> {
  let line = 0;
  for (const piece of byteLines(bytes)) {
    line += 1;
    const content = piece.toString('utf8').replace(/\r$/, '');
    if (content.trim() !== '') yield { line, content };
  }
}

function* byteLines(bytes: Buffer): Iterable<Buffer> {
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(newline, start);
    yield bytes.subarray(start, end < 0 ? bytes.length : end);
    start = end < 0 ? bytes.length : end + 1;
  }
}
