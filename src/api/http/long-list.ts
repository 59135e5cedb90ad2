// The text of a long list is there from when it is made until its client has taken it, and nobody can make a client take anything: so there is an
// end to how much of it is there, for all clients together.
import { errorOf } from '../../errors.ts';
import { keyedMutex } from '../../lib/keyed-mutex.ts';
import { slicesOf } from '../../lib/slices.ts';
import type { LongBody } from './answer.ts';

/** How many items are turned into text before others have their turn: about a millisecond's worth. */
const SLICE = 200;
/** How much text may be there when another list is begun, in bytes. uWebSockets.js cuts a client that takes nothing for some ten seconds. */
const MOST_BYTES = 64 * 2 ** 20;
const ONE_LIST = 'a list';

const takeTurn = keyedMutex();
const never = new AbortController().signal;
let held = 0;

/**
 * A JSON array of what `keys` makes of each item. A long list is made in slices, so that it holds nobody up, and one list after the other;
 * `items` is asked when its turn has come. Rejects with BUSY where clients have too much still to take.
 */
export async function longList<Item>(
  items: () => readonly Item[],
  keys: (item: Item) => object,
): Promise<LongBody> {
  const endTurn = await takeTurn(ONE_LIST, never);
  try {
    if (held > MOST_BYTES) throw errorOf('BUSY');
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
    endTurn();
  }
}
