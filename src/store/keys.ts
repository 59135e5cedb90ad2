import { attachmentKey, diskKey } from '../../machines/notes.ts';

/** The prefixes of keys. Keys are ASCII; a prefix ends with `/` and is followed by an id without a `/`. */
export const prefixes = {
  disk: diskKey(''),
  attachment: attachmentKey(''),
  account: 'account/',
  token: 'token/',
  idempotency: 'idempotency/',
  node: 'node/',
  leftover: 'leftover/',
  event: 'event/',
  audit: 'audit/',
} as const;

export type Prefix = (typeof prefixes)[keyof typeof prefixes];

/** The prefix of what a database has beside its records. */
export const META = 'meta/';

/** The format of the whole database. */
export const FORMAT_KEY = 'meta/format';

/** The versions of the kinds of records that the database may hold, by the kinds' names. */
export const VERSIONS_KEY = 'meta/versions';

/** The `Mark` of the newest batch; every batch writes it. */
export const MARK_KEY = 'meta/mark';

/** Written by the readiness check, to see whether writing works. */
export const PROBE_KEY = 'meta/probe';

/** The prefixes of logs: their entries are numbered. */
export type LogPrefix = typeof prefixes.event | typeof prefixes.audit;

/** Entries of a log sort by their sequence number: 16 decimal digits hold every safe integer. */
export const logKey = (prefix: LogPrefix, sequence: number): string =>
  prefix + String(sequence).padStart(16, '0');

/** The key of an event. */
export const eventKey = (sequence: number): string => logKey(prefixes.event, sequence);

/** The sequence number in the key of an entry of a log. */
export const sequenceOf = (key: string): number => Number(key.slice(key.indexOf('/') + 1));
