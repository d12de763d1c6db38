/**
 * Runs work that Ctrl-C (or a cluster's SIGTERM) asks to stop: the first signal aborts and calls `asked`, the second
 * ends the process at once.
 */
export async function interruptible<R>(asked: () => void, work: (signal: AbortSignal) => Promise<R>): Promise<R> {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(1);
    controller.abort();
    asked();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  try {
    return await work(controller.signal);
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}
