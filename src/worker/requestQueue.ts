import { SoftpromptError } from '../foundation/errors.ts';

/** Runs one piece of work at a time, in the order asked for; work cancelled while it waits never begins. */
export class RequestQueue {
  #last: Promise<unknown> = Promise.resolve();

  run<R>(work: () => Promise<R>, signal: AbortSignal): Promise<R> {
    const turn = this.#last.then(() => {
      if (signal.aborted) throw new SoftpromptError('cancelled', {});
      return work();
    });
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}
