/** A set of event handlers. */
export interface Handlers<Args extends unknown[]> {
  /** Adds a handler; returns the function that removes it. */
  add(handler: (...args: Args) => void): () => void;
  /**
   * Calls all handlers. An exception of a handler becomes an uncaught exception and does not stop the others.
   */
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
          // A bug in the handler: it must not disturb the connection, and must not be hidden.
          queueMicrotask(() => {
            throw error;
          });
        }
      }
    },
  };
}
