import { setImmediate } from 'node:timers/promises';

/**
 * Splits a list into slices of at most `size` items and yields to the event loop between them, so that a long
 * list does not block it.
 */
export async function* slicesOf<Item>(
  items: readonly Item[],
  size: number,
): AsyncGenerator<readonly Item[], undefined> {
  for (let from = 0; from < items.length; from += size) {
    if (from > 0) await setImmediate();
    yield items.slice(from, from + size);
  }
}
