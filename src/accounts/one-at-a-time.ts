// scrypt, LevelDB and the file system share libuv's four threads: 32 hashes at once take a synced write from a quarter of a
// millisecond to a second. So one hash at a time, and whoever would wait long is sent away instead.
import { errorOf } from '../errors.ts';

/** Runs jobs one after the other. Throws TOO_MANY_LOGINS where `waiting` jobs wait already. */
export function oneAtATime(waiting: number): <T>(job: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  let unfinished = 0;

  return async job => {
    if (unfinished > waiting) throw errorOf('TOO_MANY_LOGINS');
    unfinished += 1;
    const mine = last.then(job);
    last = mine.catch(() => {});
    try {
      return await mine;
    } finally {
      unfinished -= 1;
    }
  };
}
