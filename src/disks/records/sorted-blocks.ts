import type { DiskView, Position } from '../service.ts';
import { viewOf } from '../services/results.ts';
import { isKnown, type StoredDisk } from './records.ts';

/** A disk with its position in the order. */
export interface Entry extends Position {
  disk: StoredDisk;
}

/**
 * A sorted list of disks in order of creation, divided into blocks. Inserting, erasing and changing an entry
 * takes time in the size of a block, plus a binary search.
 */
export interface SortedBlocks {
  /** Inserts an entry at its position. */
  insert(entry: Entry): void;
  /** Removes this very entry; does nothing if it is not in the list. */
  erase(entry: Entry): void;
  /** To be called when an entry's disk has been replaced. */
  changed(entry: Entry): void;
  /** All entries after this position; undefined: from the first. */
  after(position: Position | undefined): Iterable<Entry>;
  /**
   * The known disks as readers see them, in blocks; a block is the same array as long as no disk in it
   * changes.
   */
  blocks(): readonly (readonly DiskView[])[];
  isEmpty(): boolean;
}

interface Block {
  readonly entries: Entry[];
  views: readonly DiskView[] | undefined;
}

/**
 * Maximum number of entries per block. A list that caches the JSON of each block makes it again when one of
 * the block's disks changes.
 */
const MAX_BLOCK_SIZE = 256;

/** The order of the list: by time of creation, then by UUID. */
export const isBefore = (a: Position, b: Position): boolean =>
  a.created === b.created ? a.uuid < b.uuid : a.created < b.created;

/**
 * Binary search: how many of these sorted items come before. A new disk is the last, so the last item is
 * tested first.
 */
function countBefore<Item>(items: readonly Item[], isBefore: (item: Item) => boolean): number {
  const last = items.at(-1);
  if (last === undefined || isBefore(last)) return items.length;
  let [low, high] = [0, items.length - 1];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const item = items[middle];
    if (item !== undefined && isBefore(item)) low = middle + 1;
    else high = middle;
  }
  return low;
}

const viewsOf = ({ entries }: Block): readonly DiskView[] =>
  entries.flatMap(({ disk }) => (isKnown(disk) ? viewOf(disk.context) : []));

/** An empty list. `most`: maximum number of entries per block. */
export function createSortedBlocks(most = MAX_BLOCK_SIZE): SortedBlocks {
  const blocks: Block[] = [];

  /** The index of the block that contains a position, or would contain it. */
  function blockOf(position: Position): number {
    const begun = countBefore(blocks, ({ entries: [first] }) => !first || !isBefore(position, first));
    return Math.max(0, begun - 1);
  }

  const indexIn = ({ entries }: Block, position: Position): number =>
    countBefore(entries, entry => isBefore(entry, position));

  /**
   * Splits a block. An insertion at the very end starts a new block, so that full blocks stay unchanged, and
   * so do the caches of their JSON.
   */
  function makeRoom(block: Block, at: number, index: number): void {
    const isLast = at === blocks.length - 1 && index === block.entries.length - 1;
    const rest = block.entries.splice(isLast ? index : block.entries.length >>> 1);
    blocks.splice(at + 1, 0, { entries: rest, views: undefined });
  }

  return {
    insert(entry) {
      if (blocks.length === 0) blocks.push({ entries: [], views: undefined });
      const at = blockOf(entry);
      const block = blocks[at];
      if (!block) return;
      const index = indexIn(block, entry);
      block.entries.splice(index, 0, entry);
      block.views = undefined;
      if (block.entries.length > most) makeRoom(block, at, index);
    },
    erase(entry) {
      const at = blockOf(entry);
      const block = blocks[at];
      const index = block ? indexIn(block, entry) : -1;
      if (block?.entries[index] !== entry) return;
      block.entries.splice(index, 1);
      block.views = undefined;
      if (block.entries.length === 0) blocks.splice(at, 1);
    },
    changed(entry) {
      const block = blocks[blockOf(entry)];
      if (block) block.views = undefined;
    },
    *after(position) {
      for (let at = position ? blockOf(position) : 0; at < blocks.length; at += 1) {
        for (const entry of blocks[at]?.entries ?? []) {
          if (!position || isBefore(position, entry)) yield entry;
        }
      }
    },
    blocks: () =>
      blocks.map(block => {
        block.views ??= viewsOf(block);
        return block.views;
      }),
    isEmpty: () => blocks.length === 0,
  };
}
