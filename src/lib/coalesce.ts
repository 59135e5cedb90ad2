/**
 * Shares the answer of a question among all who ask at the same moment: each gets one that was asked for when he did or later, so that
 * at most one is at work and one is waited for. A failure is shared likewise.
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
