import { hash, randomBytes } from 'node:crypto';

/** Credentials that were right, remembered without keeping them: under a hash whose key dies with the process. */
export interface Verified<T> {
  /** The name under which these credentials are remembered; tells nothing to whoever lacks the key. */
  keyOf(name: string, password: string): string;
  get(key: string): T | undefined;
  set(key: string, value: T): void;
  delete(key: string): void;
}

/** Keeps the `limit` credentials used last. */
export function createVerified<T>(limit: number): Verified<T> {
  const secret = randomBytes(32).toString('base64');
  const values = new Map<string, T>();

  return {
    // A name has no NUL in it: no other pair gives the same text.
    keyOf: (name, password) => hash('sha256', `${secret}${name}\0${password}`, 'base64'),
    get(key) {
      const value = values.get(key);
      if (value === undefined) return undefined;
      values.delete(key);
      values.set(key, value);
      return value;
    },
    set(key, value) {
      values.delete(key);
      values.set(key, value);
      if (values.size <= limit) return;
      for (const oldest of values.keys()) {
        values.delete(oldest);
        return;
      }
    },
    delete: key => {
      values.delete(key);
    },
  };
}
