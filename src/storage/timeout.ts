/**
 * Runs `run` with a signal that is aborted after `ms` milliseconds, or with `outer`. It does not use
 * AbortSignal.timeout and AbortSignal.any, because Node 20 may garbage-collect such a signal while code still
 * waits for it.
 */
export async function withTimeout<T>(
  ms: number,
  run: (signal: AbortSignal) => Promise<T>,
  outer?: AbortSignal,
): Promise<T> {
  const controller = new AbortController();
  const abort = (): void => controller.abort(outer?.reason);
  outer?.addEventListener('abort', abort);
  if (outer?.aborted) abort();
  const timer = setTimeout(() => controller.abort(new Error(`no answer within ${ms / 1000} s`)), ms);
  try {
    return await run(controller.signal);
  } finally {
    clearTimeout(timer);
    outer?.removeEventListener('abort', abort);
  }
}
