import { isDiskKey, type KeptDisk } from './records.ts';
import type { Position } from './service.ts';
import { createShelf, type Shelf } from './shelf.ts';

/** A shelf whose disks can be gone through in order, at a price that depends on those found, not on all there are. */
export interface Catalogue extends Shelf {
  /** All disks after this position; undefined: from the first. */
  inOrder(after: Position | undefined): Iterable<KeptDisk>;
  /** The disks that this account owns and the public ones, likewise. */
  inOrderFor(account: string, after: Position | undefined): Iterable<KeptDisk>;
}

interface Entry extends Position {
  disk: KeptDisk;
}

const isBefore = (a: Position, b: Position): boolean =>
  a.created === b.created ? a.uuid < b.uuid : a.created < b.created;

/** The index of the first position that is not before this one. A new disk stands last, so that is where the search begins. */
function indexOf(positions: readonly Position[], wanted: Position): number {
  const last = positions.at(-1);
  if (last === undefined || isBefore(last, wanted)) return positions.length;
  let [low, high] = [0, positions.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const position = positions[middle];
    if (position && isBefore(position, wanted)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function insert(entries: Entry[], entry: Entry): void {
  entries.splice(indexOf(entries, entry), 0, entry);
}

function erase(entries: Entry[], entry: Entry): void {
  const index = indexOf(entries, entry);
  if (entries[index] === entry) entries.splice(index, 1);
}

/** The index of the first position after this one. */
function start(positions: readonly Position[], after: Position | undefined): number {
  if (!after) return 0;
  const index = indexOf(positions, after);
  return positions[index]?.uuid === after.uuid ? index + 1 : index;
}

/** The disks of two lists, in order, those in both of them once. */
function* merged(
  a: readonly Entry[],
  b: readonly Entry[],
  after: Position | undefined,
): Generator<KeptDisk, undefined> {
  let [i, j] = [start(a, after), start(b, after)];
  for (;;) {
    const left = a[i];
    const right = b[j];
    const next = left && right && isBefore(right, left) ? right : (left ?? right);
    if (!next) return;
    if (left === next) i += 1;
    if (right === next) j += 1;
    yield next.disk;
  }
}

export function createCatalogue(): Catalogue {
  const shelf = createShelf();
  const entries = new Map<string, Entry>();
  const all: Entry[] = [];
  const publics: Entry[] = [];
  const byOwner = new Map<string, Entry[]>();

  function enter(key: string, disk: KeptDisk): void {
    const { uuid, owner, created, visibility } = disk.context;
    const entry = { created, uuid, disk };
    entries.set(key, entry);
    insert(all, entry);
    const own = byOwner.get(owner) ?? [];
    byOwner.set(owner, own);
    insert(own, entry);
    if (visibility === 'public') insert(publics, entry);
  }

  /** A disk keeps its creation and its owner; only its visibility moves it. */
  function change(entry: Entry, disk: KeptDisk): void {
    const before = entry.disk.context.visibility;
    const { visibility } = disk.context;
    entry.disk = disk;
    if (before === visibility) return;
    if (visibility === 'public') insert(publics, entry);
    else erase(publics, entry);
  }

  function leave(key: string, entry: Entry): void {
    const { owner } = entry.disk.context;
    entries.delete(key);
    for (const list of [all, publics, byOwner.get(owner) ?? []]) erase(list, entry);
    if (byOwner.get(owner)?.length === 0) byOwner.delete(owner);
  }

  return {
    ...shelf,
    put(key, record) {
      shelf.put(key, record);
      if (!isDiskKey(key)) return;
      const entry = entries.get(key);
      if (entry && !record) leave(key, entry);
      else if (entry) change(entry, record as KeptDisk);
      else if (record) enter(key, record as KeptDisk);
    },
    inOrder: after => merged(all, [], after),
    inOrderFor: (account, after) => merged(byOwner.get(account) ?? [], publics, after),
  };
}
