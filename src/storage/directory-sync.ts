import { fsyncFile, withFile } from './descriptor.ts';

/**
 * Puts a directory's entries on stable storage: an fsync of a file says nothing about its name (fsync(2)). Calls that come
 * while one fsync runs share the next one, so that many creations cost few fsyncs.
 */
export function directorySync(directory: string): () => Promise<void> {
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;

  const sync = (): Promise<void> => withFile(directory, 'r', fsyncFile);

  const start = (): Promise<void> => {
    next = undefined;
    const mine = sync().finally(() => {
      if (running === mine) running = undefined;
    });
    running = mine;
    return mine;
  };

  // A running fsync may have begun before the caller's change: only one that starts from now on is good enough.
  return () => {
    if (!running) return start();
    next ??= running.then(start, start);
    return next;
  };
}
