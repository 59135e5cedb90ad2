import { slicesOf } from '../slices.ts';
import type { LongBody } from './answer.ts';

/** How many items are turned into text before others have their turn: about a millisecond's worth. */
const SLICE = 200;

/** A JSON array of what `keys` makes of each item. A long list is made in slices, so that it holds nobody up. */
export async function longList<Item>(
  items: readonly Item[],
  keys: (item: Item) => object,
): Promise<LongBody> {
  const slices: Buffer[] = [];
  for await (const slice of slicesOf(items, SLICE)) {
    const texts = slice.map(item => JSON.stringify(keys(item)));
    slices.push(Buffer.from((slices.length > 0 ? ',' : '') + texts.join(',')));
  }
  const pieces = [Buffer.from('['), ...slices, Buffer.from(']')];
  return {
    bytes: pieces.reduce((sum, { length }) => sum + length, 0),
    chunks: () => pieces[Symbol.iterator]() as Iterator<Buffer, undefined>,
  };
}
