import { readFileSync } from 'node:fs';

/** File descriptors for the database, the pool's files and programs, the pages and Node itself. */
const OURS = 100;
/** File descriptors per node: two connections, and two that are closing while new ones are opened. */
const OF_A_NODE = 4;

/** The process's soft limit of open files; infinity where it cannot be read. */
function limit(): number {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/**
 * How many of the wanted client connections the limit of open files allows, so that clients cannot keep the
 * service from opening its own files. Throws a sentence where none is left; calls `warn` where there are
 * fewer than wanted.
 */
export function connectionsWithin(
  wanted: number,
  nodes: number,
  warn: (sentence: string) => void,
  files = limit(),
): number {
  const own = OURS + OF_A_NODE * nodes;
  const most = files - own;
  if (most < 1) {
    throw new Error(
      `at most ${files} files may be open, and pdisk alone needs ${own}: raise the limit (ulimit -n, LimitNOFILE of systemd)`,
    );
  }
  if (most >= wanted) return wanted;
  warn(
    `max_connections is ${wanted}, but only ${files} files may be open: at most ${most} connections are taken; raise the limit (ulimit -n, LimitNOFILE of systemd)`,
  );
  return most;
}
