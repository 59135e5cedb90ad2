import { setImmediate } from 'node:timers/promises';

/** Parts of a long list, of at most so many; between them others have their turn, so that going through it holds nobody up. */
export async function* slicesOf<Item>(
  items: readonly Item[],
  size: number,
): AsyncGenerator<readonly Item[], undefined> {
  for (let from = 0; from < items.length; from += size) {
    if (from > 0) await setImmediate();
    yield items.slice(from, from + size);
  }
}
