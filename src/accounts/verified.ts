import { hash, randomBytes } from 'node:crypto';

/** Credentials that were right, remembered without keeping them: under a hash whose key dies with the process. */
export interface Verified<T> {
  /** The name under which these credentials are remembered; tells nothing to whoever lacks the key. */
  keyOf(credentials: string): string;
  get(key: string): T | undefined;
  set(key: string, value: T): void;
  delete(key: string): void;
}

/** Keeps the `limit` credentials used last. */
export function createVerified<T>(limit: number): Verified<T> {
  const secret = randomBytes(32).toString('base64');
  const values = new Map<string, T>();
  let newest: string | undefined;

  return {
    keyOf: credentials => hash('sha256', secret + credentials, 'base64'),
    get(key) {
      const value = values.get(key);
      if (value === undefined || key === newest) return value;
      values.delete(key);
      values.set(key, value);
      newest = key;
      return value;
    },
    set(key, value) {
      newest = key;
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
