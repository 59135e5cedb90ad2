import type { Logger } from 'pino';

/** What a service has opened, to be closed in the reverse order. */
export interface Closing {
  /** Adds what was opened just now; `name` is for the log. */
  add(name: string, close: () => unknown): void;
  /**
   * Begins the time limit, once: when it has passed and something is still open, the process ends at once.
   */
  limit(): void;
  /** Closes everything, each also where another could not be closed. */
  run(): Promise<void>;
}

/**
 * Ends the process, whatever it does. Not by `process.exit`, which waits for libuv's threads: for one that
 * waits for a dead file server it would wait for ever.
 */
function endAtOnce(): never {
  process.kill(process.pid, 'SIGKILL');
  // Only process 1 of a container comes here: the kernel delivers it no SIGKILL of its own.
  process.exit(1);
}

/** Creates an empty list; `limitMs` is the time limit for closing everything, in milliseconds. */
export function createClosing(log: Logger, limitMs: number): Closing {
  const open: { readonly name: string; readonly close: () => unknown }[] = [];
  let timer: NodeJS.Timeout | undefined;

  function giveUp(): void {
    const names = open.map(({ name }) => name);
    log.fatal(
      { open: names },
      `not stopped within ${limitMs / 1000} s; the process ends, the next start recovers`,
    );
    endAtOnce();
  }

  return {
    add(name, close) {
      open.push({ name, close });
    },
    limit() {
      timer ??= setTimeout(giveUp, limitMs);
    },
    async run() {
      this.limit();
      for (let last = open.at(-1); last; last = open.at(-1)) {
        const { name, close } = last;
        try {
          await close();
        } catch (error) {
          log.error({ err: error }, `${name} could not be closed`);
        }
        open.pop();
      }
      clearTimeout(timer);
    },
  };
}
