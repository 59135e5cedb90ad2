/**
 * Runs `run` with a signal that is aborted after `ms` milliseconds. It does not use AbortSignal.timeout,
 * because Node 20 may garbage-collect such a signal while code still waits for it.
 */
export async function withTimeout<T>(ms: number, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new Error(`no answer within ${ms / 1000} s`)), ms);
  try {
    return await run(controller.signal);
  } finally {
    clearTimeout(timer);
  }
}
