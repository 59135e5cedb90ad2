// A long list stays in memory until its client has taken it, and a client may be slow. So the lists of all
// clients together are bounded.
import { errorOf } from '../../errors.ts';
import { keyedMutex } from '../../lib/keyed-mutex.ts';
import { slicesOf } from '../../lib/slices.ts';
import type { LongBody } from './answer.ts';

/** Items that are converted to JSON before other work of the event loop runs: about 1 ms. */
const SLICE = 200;
/**
 * Bytes of lists in memory above which no other list is begun. uWebSockets.js closes a connection whose
 * client takes nothing for some ten seconds.
 */
const MAX_HELD_BYTES = 64 * 2 ** 20;
const ONE_LIST = 'a list';

const acquire = keyedMutex();
const never = new AbortController().signal;
/** Bytes of lists that clients have not taken yet. */
let held = 0;

/**
 * A JSON array of `keys(item)` for each item. Lists are built one after the other and in slices, so that
 * other requests are served in between; `items` is called when the list is begun. Rejects with BUSY while
 * clients have too many bytes still to take.
 */
export async function longList<Item>(
  items: () => readonly Item[],
  keys: (item: Item) => object,
): Promise<LongBody> {
  const release = await acquire(ONE_LIST, never);
  try {
    if (held > MAX_HELD_BYTES) throw errorOf('BUSY');
    const slices: Buffer[] = [];
    for await (const slice of slicesOf(items(), SLICE)) {
      const texts = slice.map(item => JSON.stringify(keys(item)));
      slices.push(Buffer.from((slices.length > 0 ? ',' : '') + texts.join(',')));
    }
    const pieces = [Buffer.from('['), ...slices, Buffer.from(']')];
    const bytes = pieces.reduce((sum, { length }) => sum + length, 0);
    held += bytes;
    return {
      bytes,
      chunks: () => pieces[Symbol.iterator]() as Iterator<Buffer, undefined>,
      free() {
        held -= bytes;
      },
    };
  } finally {
    release();
  }
}
