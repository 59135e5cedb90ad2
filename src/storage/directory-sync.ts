import { fsyncFile, withFile } from './descriptor.ts';

/**
 * Syncs a directory's entries to stable storage: an fsync of a file does not sync its name (fsync(2)). Calls
 * that come while an fsync runs share the next one, so many creations cost few fsyncs.
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

  // The running fsync may have begun before the caller's change, so the caller needs one that starts later.
  return () => {
    if (!running) return start();
    next ??= running.then(start, start);
    return next;
  };
}
