// The file of a backup is text, a JSON value a line: first a header, then every record as a pair of key and
// value, at last their number and the SHA-256 of all lines before. So it can be read without pdisk, and a file
// that was cut or changed is found.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Db } from './database.ts';
import { FORMAT_KEY, MARK_KEY, META, VERSIONS_KEY } from './keys.ts';
import { RUN_THE_NEWER } from './record-kind.ts';

const FORMAT = 1;
/** How much is read at a time. */
const CHUNK = { records: 500, bytes: 2 ** 18 };
/** No line is longer, in characters: a longer one is no record of pdisk. */
const LONGEST_LINE = 2 ** 24;

const header = z.object({
  pdisk: z.literal('backup'),
  /** The format of the file. */
  v: z.literal(FORMAT),
  /** The version of pdisk that made it. */
  program: z.string(),
  /** When it was made (RFC 3339). */
  time: z.string(),
  /** The permanent name of the pdisk, which its pool knows as well. */
  owner: z.string(),
  /** The database, and its newest batch. */
  mark: z.object({ store: z.uuid(), batch: z.int().nonnegative() }),
  /** The versions that its records may have, by kind. */
  versions: z.record(z.string(), z.int().positive()),
});

const trailer = z.object({ entries: z.int().nonnegative(), sha256: z.string() });
const failure = z.object({ error: z.string() });
const newer = z.object({ pdisk: z.literal('backup'), v: z.int().min(FORMAT + 1) });

/** What a backup says of itself. */
export type BackupHeader = z.infer<typeof header>;

/** A key with its value. */
export type Entry = readonly [key: string, value: unknown];

/** What the store does not know of a backup. */
export type AboutBackup = Pick<BackupHeader, 'program' | 'time' | 'owner'>;

/**
 * The text of a backup of a database as it is now, in pieces: a snapshot, whatever is written meanwhile. Throws
 * LevelDB's error if the database is closed meanwhile.
 */
export async function* backupOf(db: Db, about: AboutBackup): AsyncGenerator<string> {
  const snapshot = db.snapshot();
  const sum = createHash('sha256');
  const counted = (text: string): string => {
    sum.update(text);
    return text;
  };
  try {
    const [mark, versions = {}] = await db.getMany([MARK_KEY, VERSIONS_KEY], { snapshot });
    const head = { pdisk: 'backup', v: FORMAT, ...about, mark, versions };
    yield counted(`${JSON.stringify(head)}\n`);
    let entries = 0;
    const options = { snapshot, highWaterMarkBytes: CHUNK.bytes, fillCache: false };
    // The text of the values is taken over as it is stored.
    const iterator = db.iterator<string, string>({ ...options, valueEncoding: 'utf8' });
    try {
      for (;;) {
        const some = await iterator.nextv(CHUNK.records);
        if (some.length === 0) break;
        const records = some.filter(([key]) => !key.startsWith(META));
        entries += records.length;
        yield counted(records.map(([key, text]) => `[${JSON.stringify(key)},${text}]\n`).join(''));
      }
    } finally {
      await iterator.close();
    }
    yield `${JSON.stringify({ entries, sha256: sum.digest('hex') })}\n`;
  } finally {
    await snapshot.close();
  }
}

/** The line that ends a backup which cannot be completed; `error` is a sentence. */
export const brokenOff = (error: string): string => `${JSON.stringify({ error })}\n`;

/** What is done with a backup while it is read. */
export interface BackupReader {
  /** Called once, before the first entries. */
  begin?(header: BackupHeader): void | Promise<void>;
  /** Called for every piece, in the order of the keys. */
  entries?(entries: readonly Entry[]): void | Promise<void>;
}

/** What was read of a whole backup. */
export interface BackupRead {
  readonly header: BackupHeader;
  /** How many records it has. */
  readonly entries: number;
}

/** Checks a backup while its text passes. */
export interface BackupCheck {
  /** Takes the next piece, and gives its entries to the reader. Throws a sentence where it is damaged. */
  take(piece: string): Promise<void>;
  /** To be called behind the last piece. Throws a sentence if the backup is not whole. */
  end(): BackupRead;
}

/**
 * Checks the text of a backup. What the reader was given counts only when `end` has returned. `name` is the
 * file, for the sentences.
 */
export function checkBackup(name: string, reader: BackupReader = {}): BackupCheck {
  const damaged = (why: string): Error => new Error(`${name} is no whole backup of pdisk: ${why}`);
  const sum = createHash('sha256');
  let head: BackupHeader | undefined;
  let end: z.infer<typeof trailer> | undefined;
  let entries = 0;
  let rest = '';

  function jsonOf(line: string): unknown {
    try {
      return JSON.parse(line);
    } catch {
      throw damaged(`line ${entries + 2} is no JSON`);
    }
  }

  function headerOf(value: unknown): BackupHeader {
    const { data } = newer.safeParse(value);
    if (data) throw new Error(`${name} is a backup of format ${data.v}: ${RUN_THE_NEWER}`);
    const parsed = header.safeParse(value);
    if (!parsed.success) throw damaged('it does not begin like one');
    return parsed.data;
  }

  /** The entry in a line; undefined where it is another line. */
  async function entryOf(line: string): Promise<Entry | undefined> {
    if (end) throw damaged('there is something behind its end');
    const value = jsonOf(line);
    const broken = failure.safeParse(value);
    if (broken.success) throw new Error(broken.data.error);
    if (!head) {
      head = headerOf(value);
      await reader.begin?.(head);
    } else if (!Array.isArray(value)) {
      const parsed = trailer.safeParse(value);
      if (!parsed.success) throw damaged(`line ${entries + 2} is no record`);
      end = parsed.data;
      return undefined;
    }
    sum.update(`${line}\n`);
    if (!Array.isArray(value)) return undefined;
    const [key, record] = value;
    if (typeof key !== 'string' || value.length !== 2) throw damaged(`line ${entries + 2} is no record`);
    entries += 1;
    return [key, record];
  }

  return {
    async take(piece) {
      const lines = (rest + piece).split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > LONGEST_LINE) throw damaged('it has a line without an end');
      const some: Entry[] = [];
      for (const line of lines) {
        const entry = await entryOf(line);
        if (entry) some.push(entry);
      }
      if (some.length > 0) await reader.entries?.(some);
    },
    end() {
      if (!head || !end || rest !== '') throw damaged('its end is missing');
      if (end.entries !== entries || end.sha256 !== sum.digest('hex'))
        throw damaged('its checksum is another than that of its records');
      return { header: head, entries };
    },
  };
}

/** Reads a whole backup; see `checkBackup`. */
export async function readBackup(
  pieces: AsyncIterable<string>,
  name: string,
  reader?: BackupReader,
): Promise<BackupRead> {
  const check = checkBackup(name, reader);
  for await (const piece of pieces) await check.take(piece);
  return check.end();
}

/** What a database has beside its records when it is made from a backup. */
export const metaOf = ({ mark, versions }: BackupHeader, format: number): readonly Entry[] => [
  [FORMAT_KEY, format],
  [VERSIONS_KEY, versions],
  [MARK_KEY, mark],
];
