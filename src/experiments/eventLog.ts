import { type FileHandle, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TrainingEvent } from '../training/events.ts';
import { runFolder } from './runs.ts';

/** A run's events.jsonl, open for appending: one event a line, never rewritten. */
export class EventLog {
  readonly #handle: FileHandle;

  private constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** Opens (or begins) a run's log; half a line that a killed process left behind is cut off. */
  static async open(store: string, runId: string): Promise<EventLog> {
    const handle = await open(eventFile(store, runId), 'a+');
    const written = await handle.readFile();
    await handle.truncate(written.lastIndexOf('\n') + 1);
    return new EventLog(handle);
  }

  /** Appends one event. */
  async append(event: TrainingEvent): Promise<void> {
    await this.#handle.appendFile(`${JSON.stringify(event)}\n`);
  }

  /** Flushes and closes the file. */
  async close(): Promise<void> {
    await this.#handle.sync();
    await this.#handle.close();
  }
}

/**
 * A run's events as one history: what a killed process had done after the checkpoint from which the run was resumed is
 * left out, and so is a line that is not complete (yet). Empty when there is no log.
 */
export async function readEvents(store: string, runId: string): Promise<TrainingEvent[]> {
  const text = await readFile(eventFile(store, runId), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  let history: TrainingEvent[] = [];
  for (const line of text.split('\n')) {
    const event = parseEvent(line);
    if (event === null) continue;
    if (event.event === 'start') {
      history = history.filter((e) => e.event !== 'done' && (e.event === 'start' || e.step <= event.resumed_from));
    }
    history.push(event);
  }
  return history;
}

function parseEvent(line: string): TrainingEvent | null {
  try {
    return line === '' ? null : (JSON.parse(line) as TrainingEvent);
  } catch {
    return null;
  }
}

const eventFile = (store: string, runId: string): string => join(runFolder(store, runId), 'events.jsonl');
