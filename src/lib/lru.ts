/** A map of bounded size; the entry that was least recently used is evicted first. */
export interface Lru<Key, Value> {
  get(key: Key): Value | undefined;
  set(key: Key, value: Value): void;
  delete(key: Key): void;
}

/**
 * An LRU of at most `limit` entries. A Map iterates in the order of insertion, so an entry that is used is
 * inserted anew.
 */
export function createLru<Key, Value>(limit: number): Lru<Key, Value> {
  const values = new Map<Key, Value>();
  let newest: Key | undefined;

  function set(key: Key, value: Value): void {
    newest = key;
    values.delete(key);
    values.set(key, value);
    if (values.size <= limit) return;
    for (const oldest of values.keys()) {
      values.delete(oldest);
      return;
    }
  }

  return {
    get(key) {
      const value = values.get(key);
      if (value !== undefined && key !== newest) set(key, value);
      return value;
    },
    set,
    delete: key => {
      values.delete(key);
    },
  };
}
