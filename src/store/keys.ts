import { attachmentKey, diskKey } from '../../machines/notes.ts';

/** The key layout. Keys are ASCII; a prefix ends with `/`, and what follows it may be any text without one. */
export const prefixes = {
  disk: diskKey(''),
  attachment: attachmentKey(''),
  account: 'account/',
  token: 'token/',
  idempotency: 'idempotency/',
  node: 'node/',
  leftover: 'leftover/',
  event: 'event/',
} as const;

export type Prefix = (typeof prefixes)[keyof typeof prefixes];

export const FORMAT_KEY = 'meta/format';

/** How far the database is: every batch writes it. */
export const MARK_KEY = 'meta/mark';

/** Written to see whether writing works. */
export const PROBE_KEY = 'meta/probe';

/** Events sort by their sequence: 16 decimal digits hold every safe integer. */
export const eventKey = (sequence: number): string => prefixes.event + String(sequence).padStart(16, '0');

export const sequenceOf = (key: string): number => Number(key.slice(prefixes.event.length));
