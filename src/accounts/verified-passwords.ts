import { hash, randomBytes } from 'node:crypto';
import { createLru, type Lru } from '../lib/lru.ts';

/** Credentials that were right, remembered without keeping them: under a hash whose key dies with the process. */
export interface VerifiedPasswords<T> extends Lru<string, T> {
  /** The name under which these credentials are remembered; tells nothing to whoever lacks the key. */
  keyOf(credentials: string): string;
}

/** Keeps the `limit` credentials used last. */
export function createVerifiedPasswords<T>(limit: number): VerifiedPasswords<T> {
  const secret = randomBytes(32).toString('base64');
  return {
    ...createLru<string, T>(limit),
    keyOf: credentials => hash('sha256', secret + credentials, 'base64'),
  };
}
