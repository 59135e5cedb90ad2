// Idempotency-Key (draft-ietf-httpapi-idempotency-key-header). What a key stands for is on disk in the very batch that decides its
// request, so after a crash there is either the decision and the key, or neither. The first answer is in that batch too where it is
// known by then, or follows before it is sent.
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Passwords } from '../../accounts/accounts.ts';
import type { Caller } from '../../accounts/caller.ts';
import { passwordHash } from '../../accounts/record.ts';
import type { Cause, Decided } from '../../disks/service.ts';
import { errorOf, PdiskError } from '../../errors.ts';
import type { Write } from '../../store/group-commit.ts';
import { prefixes } from '../../store/keys.ts';
import { type HttpAnswer, ofError } from '../http/answer.ts';
import type { Fields } from '../http/fields.ts';
import type { Head } from '../http/head.ts';

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
  /** Of the password in the request, where it has one. */
  password: passwordHash.nullable().default(null),
  /** Milliseconds since 1970. */
  time: z.number(),
  begun: begun.nullable(),
  answer: answered.nullable(),
});

export type KeyRecord = z.infer<typeof keyRecord>;
export type Begun = z.infer<typeof begun>;

/** What must be on disk in the same batch as a change that is answered so. */
export type Keep = (answer: HttpAnswer) => readonly Write[];

interface Entry {
  record: KeyRecord;
  /** What tells the password of the request from others; undefined where no request of this process has had this key. */
  proof: string | undefined;
  /** The answer on its way. */
  working: Promise<HttpAnswer> | undefined;
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
  act(cause: Cause, keep: Keep): Promise<HttpAnswer>;
  /** The answer to what a restart has interrupted; undefined where nothing came of it. */
  recover(begun: Begun): Promise<HttpAnswer | undefined>;
}

export interface Answers {
  /** Answers a request once: whoever repeats it with its key gets the first answer again. */
  once(request: Keyed): Promise<HttpAnswer>;
  /** Forgets all keys of an account; answers what to erase in the batch that ends it. */
  forget(account: string): readonly Write[];
}

/** The key in a header: a quoted string (RFC 8941), or its bare contents. Throws BAD_INPUT. */
function keyIn(header: string): string {
  const key = /^"([\x20-\x7e]*)"$/.exec(header)?.[1] ?? header;
  if (/^[\x21-\x7e]{1,255}$/.test(key)) return key;
  throw new PdiskError('BAD_INPUT', ['Idempotency-Key must be 1 to 255 visible ASCII characters']);
}

// A fast hash of a password must not be on disk: passwords are compared by a slow one.
function fingerprintOf({ method, path, query }: Head, { password: _, ...fields }: Fields): string {
  const inputs = Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256')
    .update(JSON.stringify([method, path, query, inputs]))
    .digest('base64');
}

/** Whether a repetition must get this answer again; of what went wrong on our side it is a new try. */
const isKept = ({ status }: HttpAnswer): boolean => status < 500 && status !== 401 && status !== 429;

/** What ends the process leaves what was decided for the next one to find. */
const isOfTheEnd = (error: unknown): boolean =>
  error instanceof PdiskError && ['STOPPING', 'STORE_FAILED', 'INTERRUPTED'].includes(error.code);

const replay = ({ status, type, body, headers }: z.infer<typeof answered>): HttpAnswer => {
  if (body === null) throw errorOf('KEY_SECRET');
  return { status, type, body, headers };
};

export async function createAnswers(
  store: KeyStore,
  passwords: Passwords,
  now: () => number,
): Promise<Answers> {
  /** By account and by key, oldest first. */
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

  /** Whether an entry still counts: its account was not removed meanwhile. */
  const isKnown = (entry: Entry): boolean =>
    accounts.get(entry.record.account)?.get(entry.record.key) === entry;

  /** Forgets what is too old, or too much; answers what to erase. */
  function trim(account: string): Write[] {
    const keys = keysOf(account);
    const erased: Write[] = [];
    for (const [key, { record, working }] of keys) {
      if (working || (record.time > now() - LIFE_MS && keys.size < MOST)) break;
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

  /** Changes an entry; answers what to write of it, and of others. */
  function change(entry: Entry, changed: Partial<KeyRecord>): Write[] {
    entry.record = { ...entry.record, ...changed };
    return isKnown(entry) ? [write(entry.record), ...trim(entry.record.account)] : [];
  }

  function withAnswer(
    entry: Entry,
    { status, type, body, headers = {} }: HttpAnswer,
    isSecret: boolean,
  ): Write[] {
    const text = typeof body === 'string' && !isSecret ? body : null;
    return change(entry, { begun: null, answer: { status, type, body: text, headers: { ...headers } } });
  }

  /** The cause of a request whose first decision takes its key to disk with it. */
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
        .catch(toldApart);
      if (!isKept(answer)) await forgetOne(entry);
      else if (!entry.record.answer) await store.commit(withAnswer(entry, answer, request.secret));
      return answer;
    } catch (error) {
      if (!isOfTheEnd(error)) await forgetOne(entry);
      throw error;
    }
  }

  /** Refusals are answers like others; what went wrong on our side stays an error. */
  function toldApart(error: unknown): HttpAnswer {
    if (error instanceof PdiskError && error.status < 500) return ofError(error);
    throw error;
  }

  async function forgetOne(entry: Entry): Promise<void> {
    if (!isKnown(entry)) return;
    accounts.get(entry.record.account)?.delete(entry.record.key);
    await store.commit([erase(entry.record)]);
  }

  /** What a key stands for, if it does. */
  function find(account: string, key: string): Entry | undefined {
    const entry = accounts.get(account)?.get(key);
    return entry && (entry.working || entry.record.time > now() - LIFE_MS) ? entry : undefined;
  }

  /** Throws KEY_REUSED where a key stands for another request. */
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
      v: 1,
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
