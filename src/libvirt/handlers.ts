/** Functions that want to hear of something. */
export interface Handlers<Args extends unknown[]> {
  /** Adds one; returns how to remove it. */
  add(handler: (...args: Args) => void): () => void;
  call(...args: Args): void;
}

/** An empty set of handlers. */
export function handlersOf<Args extends unknown[]>(): Handlers<Args> {
  const handlers = new Set<(...args: Args) => void>();
  return {
    add(handler) {
      handlers.add(handler);
      return () => {
        handlers.delete(handler);
      };
    },
    call(...args) {
      for (const handler of handlers) {
        try {
          handler(...args);
        } catch (error) {
          // A fault of the handler's owner: must not disturb the traffic, must not be hidden either.
          queueMicrotask(() => {
            throw error;
          });
        }
      }
    },
  };
}
