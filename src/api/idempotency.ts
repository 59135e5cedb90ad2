// Idempotency-Key (draft-ietf-httpapi-idempotency-key-header). What a key stands for is on disk in the very batch that decides its
// request, so after a crash there is either the decision and the key, or neither. The first answer follows before it is sent.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Caller, Cause, Decided } from '../disks/service.ts';
import { errorOf, PdiskError } from '../errors.ts';
import type { Write } from '../store/journal.ts';
import { prefixes } from '../store/keys.ts';
import { type Answer, ofError } from './answer.ts';
import type { Fields } from './fields.ts';
import type { Head } from './head.ts';

const LIFE_MS = 86_400_000;
/** How many keys of one account are kept; past it the oldest is forgotten. */
const MOST = 10_000;

/** What was decided for a request that has not been answered. */
const begun = z.object({
  /** Key of the disk's or the attachment's actor. */
  subject: z.string(),
  disks: z.array(z.string()),
  target: z.string().nullable(),
});

const answered = z.object({
  status: z.number(),
  type: z.string(),
  /** Null where it must not be on disk. */
  body: z.string().nullable(),
  headers: z.record(z.string(), z.string()),
});

/** What an account's key stands for, as the store keeps it. */
export const keyRecord = z.object({
  v: z.literal(1),
  account: z.string(),
  key: z.string(),
  /** Of the request, without passwords. */
  fingerprint: z.string(),
  /** Milliseconds since 1970. */
  time: z.number(),
  begun: begun.nullable(),
  answer: answered.nullable(),
});

export type KeyRecord = z.infer<typeof keyRecord>;
export type Begun = z.infer<typeof begun>;

interface Entry {
  record: KeyRecord;
  /** The answer on its way. */
  working: Promise<Answer> | undefined;
}

export interface KeyStore {
  load(): Promise<readonly KeyRecord[]>;
  /** Durable when it resolves. */
  commit(writes: readonly Write[]): Promise<void>;
}

interface Keyed {
  readonly head: Head;
  readonly caller: Caller;
  readonly fields: Fields;
  readonly cause: Cause;
  /** Whether the answer must not be on disk. */
  readonly secret: boolean;
  act(cause: Cause): Promise<Answer>;
  /** The answer to what a restart has interrupted; undefined where nothing came of it. */
  recover(begun: Begun): Promise<Answer | undefined>;
}

/** Answers a request once: whoever repeats it with its key gets the first answer again. */
export type AnswerOnce = (request: Keyed) => Promise<Answer>;

/** The key in a header: a quoted string (RFC 8941), or its bare contents. Throws BAD_INPUT. */
function keyIn(header: string): string {
  const key = /^"([\x20-\x7e]*)"$/.exec(header)?.[1] ?? header;
  if (/^[\x21-\x7e]{1,255}$/.test(key)) return key;
  throw new PdiskError('BAD_INPUT', ['Idempotency-Key must be 1 to 255 visible ASCII characters']);
}

// A fast hash of a password must not be on disk.
function fingerprintOf({ method, path, query }: Head, { password: _, ...fields }: Fields): string {
  const inputs = Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256')
    .update(JSON.stringify([method, path, query, inputs]))
    .digest('base64');
}

/** Whether a repetition must get this answer again; of what went wrong on our side it is a new try. */
const isKept = ({ status }: Answer): boolean => status < 500 && status !== 401 && status !== 429;

/** What ends the process leaves what was decided for the next one to find. */
const isOfTheEnd = (error: unknown): boolean =>
  error instanceof PdiskError && (error.code === 'STOPPING' || error.code === 'STORE_FAILED');

const replay = ({ status, type, body, headers }: z.infer<typeof answered>): Answer => {
  if (body === null) throw errorOf('KEY_SECRET');
  return { status, type, body, headers };
};

export async function createAnswerOnce(store: KeyStore, now: () => number): Promise<AnswerOnce> {
  /** By account and by key, oldest first. */
  const accounts = new Map<string, Map<string, Entry>>();
  const nameOf = ({ account, key }: KeyRecord): string =>
    `${prefixes.idempotency}${account}/${createHash('sha256').update(key).digest('base64url')}`;
  const write = (record: KeyRecord): Write => ({ key: nameOf(record), value: record });
  const erase = (record: KeyRecord): Write => ({ key: nameOf(record), value: undefined });

  function keysOf(account: string): Map<string, Entry> {
    const known = accounts.get(account) ?? new Map<string, Entry>();
    accounts.set(account, known);
    return known;
  }

  /** Forgets what is too old, or too much; answers what to erase. */
  function trim(keys: Map<string, Entry>): Write[] {
    const erased: Write[] = [];
    for (const [key, { record, working }] of keys) {
      if (working || (record.time > now() - LIFE_MS && keys.size < MOST)) break;
      keys.delete(key);
      erased.push(erase(record));
    }
    return erased;
  }

  const loaded = [...(await store.load())].sort((a, b) => a.time - b.time);
  for (const record of loaded) keysOf(record.account).set(record.key, { record, working: undefined });
  const expired = [...accounts.values()].flatMap(trim);
  if (expired.length > 0) await store.commit(expired);

  /** The cause of a request whose first decision takes its key to disk with it. */
  function withKey(cause: Cause, entry: Entry, trimmed: readonly Write[]): Cause {
    let taken = false;
    const alsoWrite = (decided: Decided): readonly Write[] => {
      if (taken) return [];
      taken = true;
      entry.record = { ...entry.record, begun: decided };
      return [write(entry.record), ...trimmed];
    };
    return { ...cause, alsoWrite };
  }

  async function run(request: Keyed, keys: Map<string, Entry>, entry: Entry): Promise<Answer> {
    const { begun } = entry.record;
    try {
      const recovered = begun ? await request.recover(begun) : undefined;
      const answer =
        recovered ?? (await request.act(withKey(request.cause, entry, trim(keys))).catch(toldApart));
      if (!isKept(answer)) {
        await forget(keys, entry);
        return answer;
      }
      const { status, type, body, headers = {} } = answer;
      const text = typeof body === 'string' && !request.secret ? body : null;
      entry.record = {
        ...entry.record,
        begun: null,
        answer: { status, type, body: text, headers: { ...headers } },
      };
      await store.commit([write(entry.record)]);
      return answer;
    } catch (error) {
      if (isOfTheEnd(error)) throw error;
      await forget(keys, entry);
      throw error;
    }
  }

  /** Refusals are answers like others; what went wrong on our side stays an error. */
  function toldApart(error: unknown): Answer {
    if (error instanceof PdiskError && error.status < 500) return ofError(error);
    throw error;
  }

  async function forget(keys: Map<string, Entry>, entry: Entry): Promise<void> {
    if (keys.get(entry.record.key) === entry) keys.delete(entry.record.key);
    await store.commit([erase(entry.record)]);
  }

  return async request => {
    const key = keyIn(request.head.idempotencyKey ?? '');
    const keys = keysOf(request.caller.account);
    const fingerprint = fingerprintOf(request.head, request.fields);
    const known = keys.get(key);
    const isLive = known !== undefined && (known.working || known.record.time > now() - LIFE_MS);
    if (isLive && known.record.fingerprint !== fingerprint) throw errorOf('KEY_REUSED');
    if (isLive && known.working) return known.working;
    if (isLive && known.record.answer) return replay(known.record.answer);
    const { account } = request.caller;
    const fresh: KeyRecord = { v: 1, account, key, fingerprint, time: now(), begun: null, answer: null };
    const entry: Entry = isLive ? known : { record: fresh, working: undefined };
    keys.delete(key);
    keys.set(key, entry);
    entry.working = run(request, keys, entry).finally(() => {
      entry.working = undefined;
    });
    return entry.working;
  };
}
