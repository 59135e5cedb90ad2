interface Waiter {
  readonly go: () => void;
}

/**
 * Takes a slot when one is free. Urgent callers are served first; within each group the order is first in,
 * first out. Resolves with the function that frees the slot. Rejects with the signal's reason.
 */
type TakeSlot = (urgent: boolean, signal: AbortSignal) => Promise<() => void>;

/** A semaphore with two priorities: at most `count` slots are taken at once. */
export function slots(count: number): TakeSlot {
  const queues = { urgent: new Set<Waiter>(), other: new Set<Waiter>() };
  let free = count;

  function release(): void {
    free += 1;
    const [urgent] = queues.urgent;
    const [other] = queues.other;
    (urgent ?? other)?.go();
  }

  return (urgent, signal) => {
    const queue = urgent ? queues.urgent : queues.other;
    return new Promise((resolve, reject) => {
      let taken = false;
      const leave = (): void => {
        queue.delete(waiter);
        reject(signal.reason);
      };
      const waiter: Waiter = {
        go() {
          queue.delete(waiter);
          signal.removeEventListener('abort', leave);
          free -= 1;
          taken = true;
          resolve(() => {
            if (taken) release();
            taken = false;
          });
        },
      };
      if (signal.aborted) return leave();
      if (free > 0) return waiter.go();
      queue.add(waiter);
      signal.addEventListener('abort', leave, { once: true });
    });
  };
}
