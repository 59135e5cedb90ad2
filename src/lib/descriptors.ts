import { readFileSync } from 'node:fs';

/** For the database, the pool's files and programs, pages and whatever Node has open. */
const OURS = 100;
/** Two connections, and as many that end while new ones begin. */
const OF_A_NODE = 4;

/** How many files this process may have open; infinity where that cannot be told. */
function limit(): number {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/**
 * How many of the connections that are wanted can be had: what strangers hold must not keep the service from opening its own files. Throws a
 * sentence where that is none; tells `warn` where it is fewer.
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
