// A full file system must not keep anybody from deleting what fills it, nor the service from its next start. So room for that is held by
// a file. It is given up when the database needs it, and is the first to get what becomes free again. Nothing new is taken before it is whole.
import { randomFillSync } from 'node:crypto';
import { constants } from 'node:fs';
import { open, rm, stat, statfs } from 'node:fs/promises';

const MIB = 2 ** 20;
/** For LevelDB to write what its log holds into tables, and to merge them, and for what frees room to be written. */
const MOST = 32 * MIB;
/** At most this part of a file system. */
const SHARE = 4;
const PIECE = MIB;
const APPEND = constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW;
/** How often it is looked how much room there is, in milliseconds. */
const LOOK_MS = 2000;

export interface Reserve {
  /** Whether only what frees room should be written. */
  isShort(): boolean;
  /** Gives the room up; resolves with whether there was any to give. */
  spend(): Promise<boolean>;
  /** Looks how much room there is and, if `hold`, holds of it what is missing. */
  look(hold: boolean): Promise<void>;
}

/** Adds to a file. Random bytes: some file systems keep zeros in no room at all. */
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

/** The reserve in `file`, on the file system of `directory`. */
export function createReserve(directory: string, file: string): Reserve {
  let isShort = false;
  let looking: Promise<void> | undefined;

  const held = async (): Promise<number> => (await stat(file).catch(() => undefined))?.size ?? 0;

  async function measure(hold: boolean): Promise<void> {
    const { blocks, bavail, bsize } = await statfs(directory);
    const wanted = Math.min(MOST, Math.floor((blocks * bsize) / SHARE));
    const free = bavail * bsize;
    const now = await held();
    // It stays free beside the reserve: what frees room is small, and need not touch that.
    const margin = wanted / 4;
    const more = Math.floor(Math.min(wanted - now, free - margin));
    if (hold && more > 0) await extend(file, more);
    // What has begun ends later, or it would come and go with every file.
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

/** Looks after a reserve: once before it resolves, and every two seconds. Resolves with what ends it; `warn` is told when room runs short and when it is back. */
export async function lookAfter(
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

  // A start has other things to write first.
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
