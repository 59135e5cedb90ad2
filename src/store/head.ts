// What the database cannot tell itself: that its end is missing. A file beside it has the number of the newest batch that is known to be on
// disk. It is written after each batch, so it is never ahead of the database, whenever the process is killed; nobody waits for it, so it
// may be behind, by some milliseconds. It is written in place and within one sector, and needs no fsync: after a power failure it may only be older still.

import { constants } from 'node:fs';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { writeDurably } from '../lib/durable-file.ts';
import { isMissing } from '../lib/missing.ts';

/** How far a database is. */
export interface Mark {
  /** A random UUID, which it has from its beginning. */
  readonly store: string;
  /** How many batches have been written to it. */
  readonly batch: number;
}

/** Between two writes, in milliseconds: under load hundreds of batches share one. */
const PAUSE_MS = 10;
const DIGITS = 16;
const LINE = /^([0-9a-f-]{36}) (\d{16})\n$/;

const lineOf = ({ store, batch }: Mark): string => `${store} ${String(batch).padStart(DIGITS, '0')}\n`;

/** What a head says; undefined where there is none. Throws a sentence where it cannot be read. */
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

export interface Head {
  /** How far the database is. */
  mark(): Mark;
  /** So far it is now, on disk. Costs its caller nothing: while one is being written only the newest waits. */
  advance(mark: Mark): void;
  /** Waits until the newest number is on stable storage. */
  close(): Promise<void>;
}

/** Makes a head, or makes it anew, durably; from then on it only advances. */
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
      // One that cannot be written stays behind, which harms nobody; the next batch tries again.
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
