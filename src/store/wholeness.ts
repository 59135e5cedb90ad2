// LevelDB opens a database that has lost data without an error. Acknowledged disks are missing then, and
// their volumes look like leftovers. So the database is compared with the files beside it before anything is
// served; some checks come before LevelDB opens it, because opening would destroy what is left.

import { randomUUID } from 'node:crypto';
import { access, readdir } from 'node:fs/promises';
import { Level } from 'level';
import { z } from 'zod';
import { isMissing } from '../lib/missing.ts';
import type { Db } from './database.ts';
import type { Mark } from './head.ts';
import { MARK_KEY } from './keys.ts';
import { damagedLog } from './log-damage.ts';

const markRecord = z.object({ store: z.uuid(), batch: z.int().nonnegative() });

const WAY_OUT =
  'Put back a whole one (a backup, or the file system that is not mounted); who knows that it is lost starts pdisk once with --accept-loss';

/** A file that every LevelDB database has. */
const CURRENT = 'CURRENT';

const isThere = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );

async function namesIn(directory: string): Promise<readonly string[]> {
  return readdir(directory).catch(error => {
    if (isMissing(error)) return [];
    throw error;
  });
}

/** The first of these files that exists. */
async function firstOf(traces: readonly string[]): Promise<string | undefined> {
  for (const trace of traces) if (await isThere(trace)) return trace;
  return undefined;
}

/**
 * What a closed database has lost, as a sentence; undefined: nothing. `traces` are files that exist only
 * beside a database.
 */
export async function lossBeforeOpening(
  directory: string,
  traces: readonly string[],
): Promise<string | undefined> {
  const names = await namesIn(directory);
  if (!names.includes(CURRENT)) {
    const trace = await firstOf(traces);
    // LevelDB creates `.log` and `.ldb` files after CURRENT.
    if (names.some(name => name.endsWith('.log') || name.endsWith('.ldb')))
      return `the database ${directory} has lost its file ${CURRENT}. ${WAY_OUT}, and keeps what its other files hold`;
    if (trace !== undefined)
      return `there is no database in ${directory}, but there was one: ${trace} is still there. ${WAY_OUT}, and begins without disks and accounts`;
    return undefined;
  }
  const log = await damagedLog(directory);
  if (log === undefined) return undefined;
  return `the database ${directory} has lost changes that were on disk: its log ${log} is damaged. ${WAY_OUT}, and goes on without them`;
}

/**
 * Makes a damaged database openable from what is left of it. LevelDB moves the files that it replaces to a
 * folder `lost` there.
 */
export async function salvage(directory: string): Promise<void> {
  const names = await namesIn(directory);
  if (names.length === 0 || names.includes(CURRENT)) return;
  // `Level` is a ClassicLevel in Node.js and has this method; its types are those of browsers as well.
  const { repair } = Level as typeof Level & { repair(location: string): Promise<void> };
  await repair(directory);
}

/**
 * What an open database has lost, as a sentence; undefined: nothing. `mark` is its own, `head` the one beside
 * it.
 */
export function lossSince(directory: string, mark: Mark | undefined, head: Mark): string | undefined {
  const { store = head.store, batch = 0 } = mark ?? {};
  if (store !== head.store)
    return `the database ${directory} is not the one that was here before. ${WAY_OUT}, and goes on with this one`;
  if (batch >= head.batch) return undefined;
  return `the database ${directory} is older than it was: it ends with change ${batch}, and ${head.batch} were on disk. Its end was lost, or an older copy was put back. ${WAY_OUT}, and goes on without them`;
}

/** The mark of an open database; undefined for a new one or one of an older pdisk. */
export async function markOf(db: Db): Promise<Mark | undefined> {
  const mark = await db.get(MARK_KEY);
  return mark === undefined ? undefined : markRecord.parse(mark);
}

/** The first mark of a new database. */
export const firstMark = (): Mark => ({ store: randomUUID(), batch: 0 });
