import type { z } from 'zod';
import type { DiskView } from '../../disks/service.ts';
import type { diskSchema } from '../description/event-schema.ts';
import type { LongBody } from '../http/answer.ts';

interface Piece {
  readonly text: string;
  readonly bytes: number;
}

// Cache of the JSON of each view. A changed disk has a new view object, so an entry is never stale.
const pieces = new WeakMap<DiskView, Piece>();

/** A time in milliseconds since 1970 as `2011/07/28 15:01:40`, in UTC. */
export const timestamp = (milliseconds: number): string =>
  new Date(milliseconds).toISOString().slice(0, 19).replaceAll('-', '/').replace('T', ' ');

/** A disk as the API shows it: seven keys in this order, every value a string. */
export const diskKeys = (disk: DiskView): z.infer<typeof diskSchema> => ({
  users: String(disk.users),
  created: timestamp(disk.created),
  visibility: disk.visibility,
  tag: disk.tag,
  owner: disk.owner,
  uuid: disk.uuid,
  size: String(disk.sizeGiB),
});

function pieceOf(disk: DiskView): Piece {
  const known = pieces.get(disk);
  if (known) return known;
  const text = JSON.stringify(diskKeys(disk));
  const piece = { text, bytes: Buffer.byteLength(text) };
  pieces.set(disk, piece);
  return piece;
}

/** A disk as JSON text, with the keys of `diskKeys`. */
export const representDisk = (disk: DiskView): string => pieceOf(disk).text;

/** Bytes of a chunk. A list that is not longer is one string. */
const CHUNK_BYTES = 64 * 1024;

function* chunks(list: readonly Piece[]): Generator<Buffer, undefined> {
  let open = '[';
  let texts: string[] = [];
  let bytes = 0;
  for (const piece of list) {
    texts.push(piece.text);
    bytes += piece.bytes;
    if (bytes < CHUNK_BYTES) continue;
    yield Buffer.from(open + texts.join(','));
    open = ',';
    texts = [];
    bytes = 0;
  }
  yield Buffer.from(texts.length > 0 ? `${open}${texts.join(',')}]` : ']');
}

const OPEN = Buffer.from('[');
const CLOSE = Buffer.from(']');
const blockBytes = new WeakMap<readonly DiskView[], Buffer>();

/** The JSON of a block's disks in UTF-8, each after a comma. Cached: a change replaces the block. */
function bytesOf(block: readonly DiskView[]): Buffer {
  const known = blockBytes.get(block);
  if (known) return known;
  const bytes = Buffer.from(block.map(disk => `,${pieceOf(disk).text}`).join(''));
  blockBytes.set(block, bytes);
  return bytes;
}

/** The JSON array of all disks. Lists share the bytes of the blocks that have not changed between them. */
export function representBlocks(blocks: readonly (readonly DiskView[])[]): LongBody {
  const [first, ...others] = blocks.filter(block => block.length > 0).map(bytesOf);
  const pieces = [OPEN, ...(first ? [first.subarray(1), ...others] : []), CLOSE];
  return {
    bytes: pieces.reduce((sum, { length }) => sum + length, 0),
    chunks: () => pieces[Symbol.iterator]() as Iterator<Buffer, undefined>,
  };
}

/** The JSON array of some disks. A long one is produced in chunks from the cached JSON of each disk. */
export function representDisks(disks: readonly DiskView[]): string | LongBody {
  const list = disks.map(pieceOf);
  const bytes = list.reduce((sum, piece) => sum + piece.bytes, 2 + Math.max(0, list.length - 1));
  if (bytes > CHUNK_BYTES) return { bytes, chunks: () => chunks(list) };
  return `[${list.map(piece => piece.text).join(',')}]`;
}
