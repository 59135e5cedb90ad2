import { hash, randomBytes } from 'node:crypto';
import { createLru, type Lru } from '../lib/lru.ts';

/**
 * A cache of verified credentials. It stores keyed hashes; the key is random and exists only in this process.
 */
export interface VerifiedPasswords<T> extends Lru<string, T> {
  /** The cache key of these credentials: a hash that reveals nothing without the secret. */
  keyOf(credentials: string): string;
}

/** An LRU cache of at most `limit` credentials. */
export function createVerifiedPasswords<T>(limit: number): VerifiedPasswords<T> {
  const secret = randomBytes(32).toString('base64');
  return {
    ...createLru<string, T>(limit),
    keyOf: credentials => hash('sha256', secret + credentials, 'base64'),
  };
}
