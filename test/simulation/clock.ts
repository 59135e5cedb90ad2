// The clock of the simulation, and the timers of this process while it runs: time passes only from one timer
// to the next, and between two timers every promise settles. So a run depends on nothing but its seed.
import crypto, { type ScryptOptions } from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import timersPromises from 'node:timers/promises';
import { createTimerQueue, type Timer } from './timer-queue.ts';

const drained: (done: () => void) => unknown = setImmediate;

/** When every simulation begins, in milliseconds since 1970. */
const BEGIN = 1_750_000_000_000;

/** The simulated clock. */
export interface Clock {
  /** Milliseconds since 1970; only goes forward. */
  now(): number;
  /** Runs every timer that is due within `ms` milliseconds, in order, and all that follows from each. */
  pass(ms: number): Promise<void>;
  /** Sets the clock forward at once, as when the computer was suspended: timers fire late. */
  skip(ms: number): void;
  /** Called after every timer, when all promises have settled. */
  onTick: () => void;
  /** Whether `pass` ends early. */
  stopped: boolean;
  /** Puts the real timers and clocks back. */
  uninstall(): void;
}

/** Lets all pending promises settle. */
const settle = (): Promise<void> => new Promise(drained);

/** A rejection as that of Node's own timers. */
const aborted = (signal: AbortSignal): Error =>
  Object.assign(new Error('The operation was aborted', { cause: signal.reason }), { name: 'AbortError' });

/** Replaces the timers and clocks of this process. To be called before the code that is simulated starts. */
export function installClock(): Clock {
  const queue = createTimerQueue();
  let now = BEGIN;

  const add = (run: () => void, ms: number | undefined, everyMs?: number): Timer =>
    queue.add(now + Math.max(1, ms ?? 1), run, everyMs);

  /** With the methods of Node's timers that the code uses. */
  function timeout(run: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) {
    let timer = add(() => run(...args), ms);
    const handle = {
      cancel: () => queue.cancel(timer),
      unref: () => handle,
      refresh() {
        queue.cancel(timer);
        timer = add(() => run(...args), ms);
        return handle;
      },
    };
    return handle;
  }

  function interval(run: () => void, ms?: number) {
    const timer = add(run, ms, Math.max(1, ms ?? 1));
    return { cancel: () => queue.cancel(timer) };
  }

  function later<T>(ms?: number, value?: T, { signal }: { signal?: AbortSignal } = {}): Promise<T> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(aborted(signal));
      const onAbort = (): void => {
        queue.cancel(timer);
        reject(aborted(signal as AbortSignal));
      };
      const timer = add(() => {
        signal?.removeEventListener('abort', onAbort);
        resolve(value as T);
      }, ms);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** In place of scrypt, which works in threads: when it ends depends on how busy the computer is. */
  function scrypt(
    password: string,
    salt: Buffer,
    length: number,
    options: ScryptOptions,
    done: (error: Error | null, key: Buffer) => void,
  ): void {
    const key = crypto.scryptSync(password, salt, length, options);
    queueMicrotask(() => done(null, key));
  }

  const clear = (handle: { cancel(): void } | undefined): void => handle?.cancel();
  const restorers = [
    replace(globalThis, 'setTimeout', timeout),
    replace(globalThis, 'setInterval', interval),
    replace(globalThis, 'clearTimeout', clear),
    replace(globalThis, 'clearInterval', clear),
    replace(performance, 'now', () => now - performance.timeOrigin),
    replace(Date, 'now', () => now),
    replace(Math, 'random', () => 0.5),
    replace(timersPromises, 'setTimeout', later),
    replace(AbortSignal, 'timeout', (ms: number) => {
      const controller = new AbortController();
      add(() => controller.abort(new Error('the deadline has passed')), ms);
      return controller.signal;
    }),
    replace(crypto, 'scrypt', scrypt),
  ];
  syncBuiltinESMExports();

  const clock: Clock = {
    now: () => now,
    stopped: false,
    onTick: () => {},
    async pass(ms) {
      const until = now + ms;
      await settle();
      clock.onTick();
      while (!clock.stopped) {
        const timer = queue.next(until);
        if (!timer) break;
        now = Math.max(now, timer.at);
        timer.run();
        if (timer.everyMs !== undefined && !timer.cancelled) queue.again(timer, now + timer.everyMs);
        await settle();
        clock.onTick();
      }
      now = Math.max(now, until);
    },
    skip(ms) {
      now += ms;
    },
    uninstall() {
      for (const restore of restorers) restore();
      syncBuiltinESMExports();
    },
  };
  return clock;
}

/** Replaces a member of a built-in object; returns the function that puts it back. */
function replace<Owner extends object>(owner: Owner, name: keyof Owner, member: unknown): () => void {
  const before = owner[name];
  Object.defineProperty(owner, name, { value: member, configurable: true, writable: true });
  return () => {
    Object.defineProperty(owner, name, { value: before, configurable: true, writable: true });
  };
}
