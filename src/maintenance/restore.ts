import { createReadStream } from 'node:fs';
import { mkdir, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { isServing } from '../control-socket.ts';
import { prepareDataFolder } from '../data-folder.ts';
import { syncDirectory, writeDurably } from '../lib/durable-file.ts';
import { recordKinds } from '../record-kinds.ts';
import { readBackup } from '../store/backup.ts';
import { lineOf } from '../store/head.ts';
import { lockDatabase, makeDatabase } from '../store/offline.ts';
import { demandKnown } from '../store/versions.ts';
import { ownerFile } from './source.ts';
import { leaveOutUnfinished } from './unfinished.ts';

/** What belongs to a store, in a data folder. The pool of images may be there, too. */
const FILES = ['db', 'head', 'owner', 'reserve'];

/** How many are named in a sentence. */
const MAX_NAMED = 20;

const textOf = (file: string): AsyncIterable<string> => createReadStream(file, { encoding: 'utf8' });

const named = (names: readonly string[]): string =>
  names.length > MAX_NAMED ? `${names.slice(0, MAX_NAMED).join(', ')} and others` : names.join(', ');

/**
 * Makes the store of a data folder from a backup, which is read and checked as a whole before anything is
 * written. The store must not be in use. What is there of another store is moved into a folder beside it if
 * `replace` is true. Resolves with sentences for the operator; throws one if nothing was restored.
 */
export async function restore(
  dataDir: string,
  file: string,
  replace: boolean,
  warn: (sentence: string) => void,
): Promise<readonly string[]> {
  const { header } = await readBackup(textOf(file), file, {
    begin: ({ versions }) => demandKnown(versions, recordKinds, file),
  });
  await prepareDataFolder(dataDir, warn);
  if (await isServing(dataDir)) throw new Error(`the service of ${dataDir} runs; end it first`);
  const unlock = await lockDatabase(dataDir);
  try {
    const there = (await readdir(dataDir)).filter(name => FILES.includes(name));
    if (there.length > 0 && !replace)
      throw new Error(
        `${dataDir} has a store already (${there.join(', ')}); nothing was restored. Restore into another data_dir, or with --replace, which moves it aside`,
      );

    // A file that changes while it is read twice is found by the second checksum.
    const database = await makeDatabase(join(dataDir, 'db.new'));
    const { leftOut, keep } = leaveOutUnfinished(file);
    const { entries } = await readBackup(textOf(file), file, {
      entries: some => database.add(keep(some)),
    }).catch(async error => {
      await database.discard();
      throw error;
    });
    await database.finish(header);

    const aside = join(dataDir, `replaced-${new Date().toISOString().replaceAll(/[:.]/g, '-')}`);
    if (there.length > 0) {
      await mkdir(aside, { mode: 0o700 });
      for (const name of there) await rename(join(dataDir, name), join(aside, name));
      await syncDirectory(aside);
    }
    // The head last: without it, what is there does not count as a store that has lost its database.
    if (header.owner !== '') await writeDurably(ownerFile(dataDir), `${header.owner}\n`);
    await rename(join(dataDir, 'db.new'), join(dataDir, 'db'));
    await writeDurably(join(dataDir, 'head'), lineOf(header.mark));

    const { disks, attachments } = leftOut;
    return [
      `${entries} records of ${header.time} are restored into ${dataDir}`,
      ...(there.length > 0 ? [`what was there is in ${aside}`] : []),
      ...(disks.length > 0
        ? [`left out, because they were being made (their volumes are leftovers now): ${named(disks)}`]
        : []),
      ...(attachments.size > 0
        ? [`${attachments.size} attachments were in progress and are left out: the live domains tell`]
        : []),
      'start pdisk now: it compares the records with pool and domains, and its log and GET /api/drift tell what differs',
    ];
  } finally {
    await unlock();
  }
}
