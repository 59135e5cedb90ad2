// Who did what, and what was refused. The entry of an accepted change is in the batch of the change, so it is
// durable with it and costs no sync of its own. Results that are known later, refused requests and logins
// are written in batches that nobody waits for; their number is bounded by a rate, and beyond it they are
// counted, so that a flood can neither fill the disk nor push other entries out.
import type { Write } from '../store/group-commit.ts';
import { logKey, prefixes } from '../store/keys.ts';
import type { AuditRecord } from '../store/records.ts';
import type { Store } from '../store/store.ts';
import { createBuckets } from './buckets.ts';
import { createCounts } from './counts.ts';

/** An entry before it has a number. */
export type AuditEntry = Omit<AuditRecord, 'v' | 'sequence' | 'first' | 'count'>;

/** The end of a request. */
type AuditResult = Pick<AuditRecord, 'status' | 'code' | 'token'>;

/** An entry that is in the batch of a change and waits for its result. */
export interface OpenEntry {
  /** What to write in the batch of the change. */
  readonly write: Write;
  readonly record: AuditRecord;
}

/** The audit of the service. */
export interface AuditLog {
  /** The sequences of the newest and the oldest entry. */
  newest(): number;
  oldest(): number;
  /** Some entries after a sequence, from the disk. */
  stored(after: number): Promise<readonly AuditRecord[]>;
  /** Some entries up to a sequence, from the disk, in order. */
  before(upTo: number): Promise<readonly AuditRecord[]>;
  /** Deletes the oldest entries up to this sequence, durably; the newest is never deleted. */
  forget(upTo: number): Promise<void>;
  /** The entry of an accepted change, to be written in the same batch. */
  open(entry: AuditEntry): OpenEntry;
  /** Writes the result of an accepted change, soon. */
  close(entry: OpenEntry, result: AuditResult): void;
  /** Writes an entry about a request that changed nothing, soon; beyond the rate it is only counted. */
  note(entry: AuditEntry): void;
  /** Writes what is pending; resolves when it is on disk, or when that has failed. */
  flush(): Promise<void>;
  /** How many requests were only counted so far. */
  figures(): { readonly counted: number };
  /** Writes what is pending, and ends. */
  stop(): Promise<void>;
}

/** How many entries are read at a time. */
const CHUNK = 500;
/** How long results and notes may wait to be written together, in milliseconds. */
const SOON_MS = 1000;
/** How long counted requests may wait to be written, in milliseconds. */
const SUMMARY_MS = 300_000;
/**
 * How many entries about requests that changed nothing are written. At the rate for all, a month makes half a
 * million.
 */
const RATES = {
  client: { burst: 100, everyMs: 50_000 },
  all: { burst: 1000, everyMs: 5000 },
};

/**
 * Opens the audit of the store. `now` never goes backwards; `isShort`: whether the file system of the store
 * is full. All times in milliseconds.
 */
export async function openAuditLog(parts: {
  readonly store: Pick<Store, 'audit' | 'commit' | 'isShort'>;
  readonly now: () => number;
  readonly soonMs?: number;
  readonly summaryMs?: number;
}): Promise<AuditLog> {
  const { store, now, soonMs = SOON_MS, summaryMs = SUMMARY_MS } = parts;
  let { oldest, newest } = await store.audit.range();
  const mayWrite = createBuckets(RATES, now);
  const counts = createCounts();
  let results: AuditRecord[] = [];
  let notes: AuditEntry[] = [];
  let last = Promise.resolve();
  let writing = 0;
  let summarized = now();
  let counted = 0;

  function numbered(entry: AuditEntry, several?: Pick<AuditRecord, 'first' | 'count'>): AuditRecord {
    newest += 1;
    return { v: 1, sequence: newest, first: entry.time, count: 1, ...entry, ...several };
  }

  const writeOf = (record: AuditRecord): Write => ({
    key: logKey(prefixes.audit, record.sequence),
    value: record,
  });

  function count(entry: AuditEntry): void {
    counted += 1;
    counts.add(entry);
  }

  /** What is to be written now. On a full file system what changed nothing is only counted. */
  function due(withSummaries: boolean): Write[] {
    // An entry that was deleted meanwhile must not come back.
    const closed = results.filter(({ sequence }) => sequence >= oldest).map(writeOf);
    const noted = notes;
    results = [];
    notes = [];
    if (store.isShort()) {
      for (const entry of noted) count(entry);
      return closed;
    }
    const writes = [...closed, ...noted.map(entry => writeOf(numbered(entry)))];
    if (!withSummaries) return writes;
    summarized = now();
    return [...writes, ...counts.take().map(({ entry, ...several }) => writeOf(numbered(entry, several)))];
  }

  async function write(withSummaries: boolean): Promise<void> {
    const writes = due(withSummaries);
    // A store that has failed ends the process.
    if (writes.length > 0) await store.commit(writes).catch(() => {});
  }

  /** One batch at a time, so that a flush also waits for what an earlier one has taken. */
  function writeNext(withSummaries: boolean): Promise<void> {
    writing += 1;
    last = last
      .then(() => write(withSummaries))
      .finally(() => {
        writing -= 1;
      });
    return last;
  }

  /** While the store is slow, results wait here and not in its queue. */
  function soon(): void {
    if (writing === 0) void writeNext(now() - summarized >= summaryMs);
  }

  const timer = setInterval(soon, soonMs).unref();

  return {
    newest: () => newest,
    oldest: () => oldest,
    stored: after => store.audit.between(after, newest, CHUNK),
    before: upTo => store.audit.between(Math.max(oldest - 1, upTo - CHUNK), upTo, CHUNK),
    async forget(upTo) {
      const end = Math.min(upTo, newest - 1);
      if (end < oldest) return;
      const from = oldest;
      oldest = end + 1;
      await store.audit.forget(from, end);
    },
    open(entry) {
      const record = numbered(entry);
      return { record, write: writeOf(record) };
    },
    close({ record }, result) {
      results.push({ ...record, ...result });
    },
    note(entry) {
      if (mayWrite(entry.client ?? '')) notes.push(entry);
      else count(entry);
    },
    flush: () => writeNext(true),
    figures: () => ({ counted }),
    async stop() {
      clearInterval(timer);
      await writeNext(true);
    },
  };
}
