/**
 * Shares one call of `ask` among all callers of the same moment. Each caller gets an answer that was asked
 * for at the time of its call or later, so at most one call is running and one is waiting. A failure is
 * shared likewise.
 */
export function coalesce<Answer>(ask: () => Promise<Answer>): () => Promise<Answer> {
  let running: Promise<Answer> | undefined;
  let next: Promise<Answer> | undefined;

  function begin(): Promise<Answer> {
    const asked = ask();
    running = asked;
    const end = (): void => {
      if (running === asked) running = undefined;
    };
    asked.then(end, end);
    return asked;
  }

  async function afterRunning(last: Promise<Answer>): Promise<Answer> {
    await last.catch(() => {});
    next = undefined;
    return begin();
  }

  return () => {
    if (!running && !next) return begin();
    next ??= running ? afterRunning(running) : begin();
    return next;
  };
}
