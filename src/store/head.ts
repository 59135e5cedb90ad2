// Detects that the end of the database is missing, which the database itself cannot tell. The file `head`
// beside it holds the number of the newest batch that is known to be on disk. It is written after each batch,
// so it is never ahead of the database, even if the process is killed. No commit waits for it, so it may be
// behind by some milliseconds. It is written in place and within one sector, and needs no fsync: after a
// power failure it may only be older still.

import { constants } from 'node:fs';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { writeDurably } from '../lib/durable-file.ts';
import { isMissing } from '../lib/missing.ts';

/** Identifies a database and its newest batch. */
export interface Mark {
  /** A random UUID that the database gets when it is created. */
  readonly store: string;
  /** The number of batches written so far. */
  readonly batch: number;
}

/** The pause between two writes, in milliseconds: under load hundreds of batches share one write. */
const PAUSE_MS = 10;
const DIGITS = 16;
const LINE = /^([0-9a-f-]{36}) (\d{16})\n$/;

/** The text of a head. */
export const lineOf = ({ store, batch }: Mark): string => `${store} ${String(batch).padStart(DIGITS, '0')}\n`;

/** Reads the head; undefined where there is none. Throws a sentence where it is damaged or cannot be read. */
export async function readHead(file: string): Promise<Mark | undefined> {
  const text = await readFile(file, 'utf8').catch(error => {
    if (isMissing(error)) return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const [, store, batch] = LINE.exec(text) ?? [];
  if (store === undefined) throw new Error(`${file} is damaged: it does not say how far the database is`);
  return { store, batch: Number(batch) };
}

/** The open head of a database. */
export interface Head {
  /** The newest mark, whether written already or not. */
  mark(): Mark;
  /**
   * Sets the mark after a batch is on disk. Returns at once: while one mark is being written, only the newest
   * other one waits.
   */
  advance(mark: Mark): void;
  /** Writes and syncs the newest mark, then closes the file. */
  close(): Promise<void>;
}

/** Creates or replaces a head, durably; from then on it only advances. */
export async function openHead(file: string, mark: Mark): Promise<Head> {
  await writeDurably(file, lineOf(mark));
  const handle: FileHandle = await open(file, constants.O_WRONLY | constants.O_NOFOLLOW);
  let newest = mark;
  let written = mark;
  let writing: Promise<void> | undefined;

  async function write(): Promise<void> {
    try {
      while (written !== newest) {
        const next = newest;
        await handle.write(lineOf(next), 0, 'latin1');
        written = next;
        await delay(PAUSE_MS);
      }
    } catch {
      // A head that cannot be written stays behind, which does no harm; the next batch tries again.
    }
    writing = undefined;
  }

  return {
    mark: () => newest,
    advance(mark) {
      newest = mark;
      writing ??= write();
    },
    async close() {
      await (writing ?? write());
      await handle.sync().catch(() => {});
      await handle.close();
    },
  };
}
