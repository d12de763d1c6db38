import { randomBytes } from 'node:crypto';
import { access, constants, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { SoftpromptError } from './errors.ts';

/** Data for a file: text, bytes, or chunks written in order (for files that should not be held in memory whole). */
export type FileContent = string | Uint8Array | AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/**
 * Writes a file so that a reader sees either the old bytes or all of the new ones:
 * temporary name in the same folder, flush, rename. Makes the folder when it is missing.
 */
export async function writeFileAtomic(path: string, content: FileContent): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  const handle = await open(temporary, 'wx');
  try {
    if (typeof content === 'string' || content instanceof Uint8Array) {
      await handle.writeFile(content);
    } else {
      for await (const chunk of content) await handle.write(chunk);
    }
    await handle.sync();
    await handle.close();
    await rename(temporary, path);
  } catch (error) {
    await handle.close().catch(() => undefined);
    await rm(temporary, { force: true });
    throw error;
  }
}

/**
 * What keeps files from being written to a folder, which need not exist yet, or null: for finding out before hours of
 * work instead of after them. Makes nothing.
 */
export async function writeObstacle(folder: string): Promise<string | null> {
  for (let at = folder; ; at = dirname(at)) {
    try {
      if (!(await stat(at)).isDirectory()) return at === folder ? 'is a file, not a folder' : `${at} is a file`;
      await access(at, constants.W_OK);
      return null;
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      if ((code !== 'ENOENT' && code !== 'ENOTDIR') || at === dirname(at)) return `no permission to write to ${at}`;
    }
  }
}

/** The words for a failed read of `file`: it is missing, or what the system said. */
export function fileError(file: string, error: unknown, needed?: string): SoftpromptError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
  if (code === 'ENOTDIR' && (error as NodeJS.ErrnoException).syscall === 'scandir') {
    return new SoftpromptError('file-unreadable', { file, problem: 'is not a folder.' }, { cause: error });
  }
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new SoftpromptError('file-missing', { file, ...(needed === undefined ? {} : { needed }) }, { cause: error });
  }
  const problem =
    code === 'EISDIR'
      ? 'is a folder, not a file.'
      : code === 'EACCES' || code === 'EPERM'
        ? 'no permission to read it.'
        : `cannot be read (${error instanceof Error ? error.message : String(error)}).`;
  return new SoftpromptError('file-unreadable', { file, problem }, { cause: error });
}
