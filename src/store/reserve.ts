// A full file system must neither prevent the deletion of what fills it nor the next start of the service. So
// a file reserves space for that. The file is deleted when the database needs the space, and is refilled
// first when space becomes free. Until the reserve is complete, nothing new is accepted.
import { randomFillSync } from 'node:crypto';
import { constants } from 'node:fs';
import { open, rm, stat, statfs } from 'node:fs/promises';

const MIB = 2 ** 20;
/**
 * The greatest size of the reserve, in bytes: enough for LevelDB to write its log into tables, to merge
 * tables, and for the records of deletions.
 */
const MOST = 32 * MIB;
/** The reserve takes at most this fraction (1/4) of a file system. */
const SHARE = 4;
const PIECE = MIB;
const APPEND = constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW;
/** The interval between two measurements of the free space, in milliseconds. */
const LOOK_MS = 2000;

/** Space reserved for the database on a file system that may run full. */
export interface Reserve {
  /** Whether space is so short that only deletions should be written. */
  isShort(): boolean;
  /** Deletes the reserve; resolves with whether there was one. */
  spend(): Promise<boolean>;
  /** Measures the free space and, if `hold` is true, fills the reserve up as far as possible. */
  look(hold: boolean): Promise<void>;
}

/** Appends to a file. Random bytes, because some file systems store zeros without using space. */
async function extend(file: string, bytes: number): Promise<void> {
  const handle = await open(file, APPEND, 0o600);
  try {
    const piece = randomFillSync(Buffer.alloc(Math.min(PIECE, bytes)));
    for (let left = bytes; left > 0; left -= piece.length)
      await handle.write(piece, 0, Math.min(piece.length, left));
  } finally {
    await handle.close();
  }
}

/** A reserve in `file`, on the file system of `directory`. */
export function createReserve(directory: string, file: string): Reserve {
  let isShort = false;
  let looking: Promise<void> | undefined;

  const held = async (): Promise<number> => (await stat(file).catch(() => undefined))?.size ?? 0;

  async function measure(hold: boolean): Promise<void> {
    const { blocks, bavail, bsize } = await statfs(directory);
    const wanted = Math.min(MOST, Math.floor((blocks * bsize) / SHARE));
    const free = bavail * bsize;
    const now = await held();
    // Stays free beside the reserve: deletions need little space, and should not touch the reserve.
    const margin = wanted / 4;
    const more = Math.floor(Math.min(wanted - now, free - margin));
    if (hold && more > 0) await extend(file, more);
    // Hysteresis: a shortage ends at a higher level than it begins at, or it would come and go with every
    // file.
    isShort = now + free < wanted + (isShort ? 2 : 1) * margin;
  }

  return {
    isShort: () => isShort,
    async spend() {
      await looking?.catch(() => {});
      const had = (await held()) > 0;
      await rm(file, { force: true });
      isShort = true;
      return had;
    },
    look(hold) {
      looking ??= measure(hold).finally(() => {
        looking = undefined;
      });
      return looking;
    },
  };
}

/**
 * Maintains a reserve: measures once before it resolves, then every `LOOK_MS`. Resolves with the function
 * that ends this. `warn` is called when space runs short and when there is enough again.
 */
export async function maintainReserve(
  reserve: Reserve,
  directory: string,
  warn: (sentence: string) => void,
): Promise<() => Promise<void>> {
  let wasShort = false;
  let trouble = '';

  async function look(hold: boolean): Promise<void> {
    const found = await reserve.look(hold).then(
      () => '',
      (error: Error) => `the room in ${directory} cannot be told or held: ${error.message}`,
    );
    if (found !== trouble && found !== '') warn(found);
    trouble = found;
    if (reserve.isShort() === wasShort) return;
    wasShort = reserve.isShort();
    if (wasShort) warn(`the file system of ${directory} is full: nothing is taken but what frees room`);
    else warn(`the file system of ${directory} has room again: all is taken`);
  }

  // Without filling the reserve: at a start, more important writes come first.
  let looking = look(false);
  await looking;
  const timer = setInterval(() => {
    looking = look(true);
  }, LOOK_MS).unref();
  return async () => {
    clearInterval(timer);
    await looking;
  };
}
