// What a service that rests must not have: children, open images.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { LABELS_FILE } from './checks.ts';
import type { Site } from './site.ts';

/** The text of a file or link in /proc; empty where its process is gone. */
function textOf(read: (path: string, encoding: 'utf8') => string, path: string): string {
  try {
    return read(path, 'utf8');
  } catch {
    return '';
  }
}

/**
 * Processes, besides the service, with the site's folder in their command line; and images that the service
 * has open.
 */
export function processesLeft({ folder, pool, running }: Site): string[] {
  const left: string[] = [];
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid) || Number(pid) === running.pid || Number(pid) === process.pid) continue;
    const line = textOf(readFileSync, `/proc/${pid}/cmdline`);
    if (line.includes(folder)) left.push(`a process was left over: ${line.replaceAll('\0', ' ').trim()}`);
  }
  const descriptors = `/proc/${running.pid}/fd`;
  for (const fd of readdirSync(descriptors)) {
    const path = textOf(readlinkSync, join(descriptors, fd));
    if (path.startsWith(pool) && !path.includes(LABELS_FILE)) left.push(`the service still has ${path} open`);
  }
  return left;
}
