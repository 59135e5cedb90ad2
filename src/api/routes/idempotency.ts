// Idempotency-Key (draft-ietf-httpapi-idempotency-key-header). The record of a key is written in the same
// batch as the decision on its request, so after a crash there are both or neither. The first answer is in
// that batch too if it is known by then; else it is written before it is sent.
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Passwords } from '../../accounts/accounts.ts';
import type { Caller } from '../../accounts/caller.ts';
import { passwordHash } from '../../accounts/record.ts';
import type { Cause, Decided } from '../../disks/service.ts';
import { errorOf, PdiskError } from '../../errors.ts';
import type { Write } from '../../store/group-commit.ts';
import { prefixes } from '../../store/keys.ts';
import { recordKind } from '../../store/record-kind.ts';
import { type HttpAnswer, ofError } from '../http/answer.ts';
import type { Fields } from '../http/fields.ts';
import type { Head } from '../http/head.ts';

/** How long a key is remembered: 24 hours. */
const LIFE_MS = 86_400_000;
/** Keys stored for one account; beyond it the oldest is forgotten. */
const MAX_KEYS = 10_000;

/** The decision on a request that has not been answered yet. */
const begun = z.object({
  /** Key of the actor of the disk or the attachment in the store. */
  subject: z.string(),
  disks: z.array(z.string()),
  target: z.string().nullable(),
});

/** The first answer. */
const answered = z.object({
  status: z.number(),
  type: z.string(),
  /** Null if it has a secret, which must not be on disk. */
  body: z.string().nullable(),
  headers: z.record(z.string(), z.string()),
});

/** The record of one key of one account. */
const keyRecord = z.object({
  v: z.literal(2),
  account: z.string(),
  key: z.string(),
  /** SHA-256 of the request, without passwords. */
  fingerprint: z.string(),
  /** Slow hash of the password in the request; null if it has none. */
  password: passwordHash.nullable(),
  /** Milliseconds since 1970. */
  time: z.number(),
  begun: begun.nullable(),
  answer: answered.nullable(),
});

/** Version 1 did not always say whether the request had a password. */
export const keyKind = recordKind('idempotency key', prefixes.idempotency, keyRecord, [
  old => ({ password: null, ...old }),
]);

export type KeyRecord = z.infer<typeof keyRecord>;
export type Begun = z.infer<typeof begun>;

/** Returns what to write in the batch of a change that is answered so. */
export type RememberAnswer = (answer: HttpAnswer) => readonly Write[];

interface Entry {
  record: KeyRecord;
  /**
   * HMAC of the password in the request, under a key of this process, by which repetitions are compared fast;
   * undefined while no request of this process had this key.
   */
  proof: string | undefined;
  /** The answer of the request in progress. */
  working: Promise<HttpAnswer> | undefined;
}

/** Where the records of keys are stored. */
export interface KeyStore {
  load(): Promise<readonly KeyRecord[]>;
  /** Durable when it resolves. */
  commit(writes: readonly Write[]): Promise<void>;
}

/** A request with an Idempotency-Key. */
interface Keyed {
  readonly head: Head;
  readonly caller: Caller;
  readonly fields: Fields;
  readonly cause: Cause;
  /** Whether the answer has a secret, which must not be on disk. */
  readonly secret: boolean;
  act(cause: Cause, rememberAnswer: RememberAnswer): Promise<HttpAnswer>;
  /** The answer to a request that a restart has interrupted; undefined if it had no effect. */
  recover(begun: Begun): Promise<HttpAnswer | undefined>;
}

/** The answers to requests with an Idempotency-Key. */
export interface Answers {
  /**
   * Runs a request once: a repetition with the same key gets the first answer. Rejects with BAD_INPUT,
   * KEY_REUSED, KEY_SECRET, and the errors of the request itself.
   */
  once(request: Keyed): Promise<HttpAnswer>;
  /** Forgets all keys of an account; returns the writes that erase them, for the batch that deletes it. */
  forget(account: string): readonly Write[];
}

/** The key in a header: a quoted string (RFC 8941), or its bare contents. Throws BAD_INPUT. */
function keyIn(header: string): string {
  const key = /^"([\x20-\x7e]*)"$/.exec(header)?.[1] ?? header;
  if (/^[\x21-\x7e]{1,255}$/.test(key)) return key;
  throw new PdiskError('BAD_INPUT', ['Idempotency-Key must be 1 to 255 visible ASCII characters']);
}

// Without the password: on disk, a fast hash of it could be guessed. Passwords are compared by a slow hash.
function fingerprintOf({ method, path, query }: Head, { password: _, ...fields }: Fields): string {
  const inputs = Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256')
    .update(JSON.stringify([method, path, query, inputs]))
    .digest('base64');
}

/**
 * Whether a repetition must get this answer. After a failure of the service, a refused login or a limit a
 * repetition is a new attempt.
 */
const isRemembered = ({ status }: HttpAnswer): boolean => status < 500 && status !== 401 && status !== 429;

/** Whether the process ends: then the entry stays on disk for recovery after the next start. */
const endsProcess = (error: unknown): boolean =>
  error instanceof PdiskError && ['STOPPING', 'STORE_FAILED', 'INTERRUPTED'].includes(error.code);

const replay = ({ status, type, body, headers }: z.infer<typeof answered>): HttpAnswer => {
  if (body === null) throw errorOf('KEY_SECRET');
  return { status, type, body, headers };
};

/** Loads the stored keys and erases those that have expired. `now`: milliseconds since 1970. */
export async function createAnswers(
  store: KeyStore,
  passwords: Passwords,
  now: () => number,
): Promise<Answers> {
  /** Entries by account and key, the oldest first. */
  const accounts = new Map<string, Map<string, Entry>>();
  const secret = randomBytes(32);
  const proofOf = ({ password }: Fields): string =>
    createHmac('sha256', secret)
      .update(typeof password === 'string' ? password : '')
      .digest('base64');
  const nameOf = ({ account, key }: KeyRecord): string =>
    `${prefixes.idempotency}${account}/${createHash('sha256').update(key).digest('base64url')}`;
  const write = (record: KeyRecord): Write => ({ key: nameOf(record), value: record });
  const erase = (record: KeyRecord): Write => ({ key: nameOf(record), value: undefined });

  function keysOf(account: string): Map<string, Entry> {
    const known = accounts.get(account) ?? new Map<string, Entry>();
    accounts.set(account, known);
    return known;
  }

  /** Whether an entry is current: not once its account has been deleted. */
  const isCurrent = (entry: Entry): boolean =>
    accounts.get(entry.record.account)?.get(entry.record.key) === entry;

  /** Forgets expired keys and those beyond MAX_KEYS; returns the writes that erase them. */
  function trim(account: string): Write[] {
    const keys = keysOf(account);
    const erased: Write[] = [];
    for (const [key, { record, working }] of keys) {
      if (working || (record.time > now() - LIFE_MS && keys.size < MAX_KEYS)) break;
      keys.delete(key);
      erased.push(erase(record));
    }
    return erased;
  }

  const loaded = [...(await store.load())].sort((a, b) => a.time - b.time);
  for (const record of loaded)
    keysOf(record.account).set(record.key, { record, proof: undefined, working: undefined });
  const expired = [...accounts.keys()].flatMap(trim);
  if (expired.length > 0) await store.commit(expired);

  /** Changes the record of an entry; returns the writes for it and for the keys that are forgotten. */
  function change(entry: Entry, changed: Partial<KeyRecord>): Write[] {
    entry.record = { ...entry.record, ...changed };
    return isCurrent(entry) ? [write(entry.record), ...trim(entry.record.account)] : [];
  }

  function withAnswer(
    entry: Entry,
    { status, type, body, headers = {} }: HttpAnswer,
    isSecret: boolean,
  ): Write[] {
    const text = typeof body === 'string' && !isSecret ? body : null;
    return change(entry, { begun: null, answer: { status, type, body: text, headers: { ...headers } } });
  }

  /** The cause of a request, whose first decision then writes the key in its batch. */
  function withKey(cause: Cause, entry: Entry): Cause {
    let taken = false;
    const alsoWrite = (decided: Decided): readonly Write[] => {
      if (taken) return [];
      taken = true;
      return change(entry, { begun: decided });
    };
    return { ...cause, alsoWrite };
  }

  async function run(request: Keyed, entry: Entry): Promise<HttpAnswer> {
    const { begun, account } = entry.record;
    const { password } = request.fields;
    try {
      const recovered = begun ? await request.recover(begun) : undefined;
      if (recovered) {
        await store.commit(withAnswer(entry, recovered, request.secret));
        return recovered;
      }
      if (typeof password === 'string')
        entry.record = { ...entry.record, password: await passwords.hash(account, password) };
      const answer = await request
        .act(withKey(request.cause, entry), given => withAnswer(entry, given, request.secret))
        .catch(refusalAsAnswer);
      if (!isRemembered(answer)) await forgetOne(entry);
      else if (!entry.record.answer) await store.commit(withAnswer(entry, answer, request.secret));
      return answer;
    } catch (error) {
      if (!endsProcess(error)) await forgetOne(entry);
      throw error;
    }
  }

  /** Makes refusals answers, which are remembered like others. A failure of the service stays an error. */
  function refusalAsAnswer(error: unknown): HttpAnswer {
    if (error instanceof PdiskError && error.status < 500) return ofError(error);
    throw error;
  }

  async function forgetOne(entry: Entry): Promise<void> {
    if (!isCurrent(entry)) return;
    accounts.get(entry.record.account)?.delete(entry.record.key);
    await store.commit([erase(entry.record)]);
  }

  /** The entry of a key; undefined if there is none or it has expired. */
  function find(account: string, key: string): Entry | undefined {
    const entry = accounts.get(account)?.get(key);
    return entry && (entry.working || entry.record.time > now() - LIFE_MS) ? entry : undefined;
  }

  /** Throws KEY_REUSED if the key was used for another request. */
  async function demandSame(entry: Entry, fingerprint: string, fields: Fields): Promise<void> {
    const { record, proof } = entry;
    const ours = proofOf(fields);
    if (record.fingerprint !== fingerprint || (proof !== undefined && proof !== ours))
      throw errorOf('KEY_REUSED');
    if (proof !== undefined) return;
    const { password } = fields;
    const isSame =
      typeof password === 'string' && record.password
        ? await passwords.matches(record.account, password, record.password)
        : typeof password !== 'string' && record.password === null;
    if (!isSame) throw errorOf('KEY_REUSED');
    entry.proof = ours;
  }

  async function once(request: Keyed): Promise<HttpAnswer> {
    const { account } = request.caller;
    const key = keyIn(request.head.idempotencyKey ?? '');
    const fingerprint = fingerprintOf(request.head, request.fields);
    const before = find(account, key);
    if (before) await demandSame(before, fingerprint, request.fields);
    const known = find(account, key);
    if (known && known !== before) return once(request);
    if (known?.working) return known.working;
    if (known?.record.answer) return replay(known.record.answer);
    const fresh = (): KeyRecord => ({
      v: 2,
      account,
      key,
      fingerprint,
      password: null,
      time: now(),
      begun: null,
      answer: null,
    });
    const proof = proofOf(request.fields);
    const entry: Entry = known ?? { record: fresh(), proof, working: undefined };
    const keys = keysOf(account);
    keys.delete(key);
    keys.set(key, entry);
    entry.working = run(request, entry).finally(() => {
      entry.working = undefined;
    });
    return entry.working;
  }

  return {
    once,
    forget(account) {
      const keys = accounts.get(account);
      accounts.delete(account);
      return [...(keys?.values() ?? [])].map(({ record }) => erase(record));
    },
  };
}
