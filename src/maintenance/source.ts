import { join } from 'node:path';
import { askService } from '../control-socket.ts';
import { isMissing } from '../lib/missing.ts';
import { recordKinds } from '../record-kinds.ts';
import { readOwner } from '../storage/owner.ts';
import { backupOf } from '../store/backup.ts';
import { openToRead } from '../store/offline.ts';
import { version } from '../version.ts';

/** What a backup says of itself besides what the store knows. */
export const aboutBackup = (owner: string) => ({ program: version, time: new Date().toISOString(), owner });

/** The file in a data folder with the permanent name of its pdisk. */
export const ownerFile = (dataDir: string): string => join(dataDir, 'owner');

/** All that is in a store, as the text of a backup. */
export interface StoreText {
  /** Whether the running service gives it. */
  readonly isServing: boolean;
  readonly pieces: AsyncIterable<string>;
}

async function* closedStore(dataDir: string): AsyncGenerator<string> {
  const file = ownerFile(dataDir);
  const db = await openToRead(dataDir, recordKinds, [file]);
  try {
    const { name, isNew } = await readOwner(file);
    yield* backupOf(db, aboutBackup(isNew ? '' : name));
  } finally {
    await db.close();
  }
}

/**
 * All that is in the store of a data folder: from the service if it runs, since LevelDB has one owner, else
 * from the store itself. Throws a sentence, also while it is read.
 */
export async function storeText(dataDir: string): Promise<StoreText> {
  const asked = await askService(dataDir, 'backup').catch(error => {
    if (isMissing(error)) return undefined;
    throw error;
  });
  return { isServing: asked !== undefined, pieces: asked ?? closedStore(dataDir) };
}
