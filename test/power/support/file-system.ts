// A file system that forgets what was not synced. By POSIX, an fsync of a file covers its bytes and its size,
// not its name; an fsync of a folder covers the names in it. What was not synced may be there or not, of each
// file and each folder by itself. Only the changes of names in one folder keep their order, as on every file
// system with a journal (ext4, XFS, btrfs): of those that were not synced, the first ones may be there.
import type { Step } from './trace.ts';

/** The bytes of a file: its size, and the pieces that were written, in order; the rest is zeros. */
export interface Content {
  readonly id: string;
  readonly size: number;
  readonly pieces: readonly { readonly at: number; readonly bytes: Buffer }[];
}

interface File {
  readonly kind: 'file';
  seen: Content;
  synced: Content;
}

interface Folder {
  readonly kind: 'folder';
  readonly seen: Map<string, File | Folder>;
  readonly synced: Map<string, File | Folder>;
  /** The changes that are not synced, in order. */
  readonly pending: Change[];
}

type Change = (names: Map<string, File | Folder>) => void;

/** What a power failure has left: every folder and file by its path. */
export type Image = ReadonlyMap<string, Content | 'folder'>;

/** What a power failure may leave of the changes that were not synced. */
export const LUCKS = [
  'only what was synced',
  'everything',
  'names without bytes',
  'sizes without bytes',
  'half of the last write',
  'bytes without names',
  'the names of one folder',
  'the bytes of one file',
] as const;

export type LuckName = (typeof LUCKS)[number];

interface Luck {
  readonly name: LuckName;
  /** How many of the pending changes of names. */
  names(folder: Folder): number;
  content(file: File): Content;
}

const EMPTY: Content = { id: '-', size: 0, pieces: [] };

/** The size is there, the bytes that were not synced are zeros. */
const hollow = ({ seen, synced }: File): Content =>
  seen === synced ? seen : { id: `${seen.id} over ${synced.id}`, size: seen.size, pieces: synced.pieces };

/** Half of the last write is there, if it made the file longer; one in place is within a sector, so whole. */
function torn({ seen, synced }: File): Content {
  const last = seen.pieces.at(-1);
  if (seen === synced || !last || last.at < synced.size) return seen;
  const bytes = last.bytes.subarray(0, last.bytes.length >> 1);
  const pieces = [...seen.pieces.slice(0, -1), { at: last.at, bytes }];
  return { id: `half of ${seen.id}`, size: last.at + bytes.length, pieces };
}

const none = (): number => 0;
const all = ({ pending }: Folder): number => pending.length;
const seenOf = ({ seen }: File): Content => seen;
const syncedOf = ({ synced }: File): Content => synced;

const lucks: readonly Luck[] = [
  { name: 'only what was synced', names: none, content: syncedOf },
  { name: 'everything', names: all, content: seenOf },
  { name: 'names without bytes', names: all, content: syncedOf },
  { name: 'sizes without bytes', names: all, content: hollow },
  { name: 'half of the last write', names: all, content: torn },
  { name: 'bytes without names', names: none, content: seenOf },
];

/** A model of the folder `base`, whose own name is durable. */
export function createFileSystem(base: string, initial: Image = new Map()) {
  const root = folderOf();
  const syncs = new Map<number, () => void>();
  let contents = 0;

  function folderOf(): Folder {
    return { kind: 'folder', seen: new Map(), synced: new Map(), pending: [] };
  }
  const namesOf = (path: string): string[] => path.slice(base.length).split('/').filter(Boolean);
  function nodeAt(path: string): File | Folder | undefined {
    let node: File | Folder | undefined = root;
    for (const name of namesOf(path)) node = node?.kind === 'folder' ? node.seen.get(name) : undefined;
    return node;
  }
  function fileAt(path: string): File {
    const node = nodeAt(path);
    if (node?.kind !== 'file') throw new Error(`${path} is no file`);
    return node;
  }
  function parentOf(path: string): { folder: Folder; name: string } {
    const name = namesOf(path).at(-1) ?? '';
    const folder = nodeAt(path.slice(0, -name.length - 1));
    if (folder?.kind !== 'folder') throw new Error(`${path} is in no folder`);
    return { folder, name };
  }
  function change(folder: Folder, one: Change): void {
    one(folder.seen);
    folder.pending.push(one);
  }
  const named = (size: number, pieces: Content['pieces']): Content => {
    contents += 1;
    return { id: String(contents), size, pieces };
  };

  function beginSync(path: string): () => void {
    const node = nodeAt(path);
    if (node?.kind === 'file') {
      const { seen } = node;
      return () => {
        node.synced = seen;
      };
    }
    const covered = new Set(node?.pending);
    return () => {
      if (!node) return;
      for (const one of node.pending.filter(pending => covered.has(pending))) one(node.synced);
      node.pending.splice(0, Number.POSITIVE_INFINITY, ...node.pending.filter(one => !covered.has(one)));
    };
  }

  function write(path: string, bytes: Buffer, offset: number | undefined): void {
    const file = fileAt(path);
    const { size, pieces } = file.seen;
    const at = offset ?? size;
    file.seen = named(Math.max(size, at + bytes.length), [...pieces, { at, bytes }]);
  }

  function create(path: string, made: File | Folder): void {
    const { folder, name } = parentOf(path);
    change(folder, names => names.set(name, made));
  }

  function remove(path: string): void {
    const { folder, name } = parentOf(path);
    change(folder, names => names.delete(name));
  }

  function move(path: string, to: string): void {
    const { folder, name } = parentOf(path);
    const next = parentOf(to);
    const moved = folder.seen.get(name);
    if (!moved || next.folder !== folder) throw new Error(`${path} cannot be moved to ${to}`);
    change(folder, names => {
      names.delete(name);
      names.set(next.name, moved);
    });
  }

  /** Takes one step of the trace. */
  function take(step: Step): void {
    switch (step.kind) {
      case 'sent':
        return;
      case 'sync-begins':
        syncs.set(step.call, beginSync(step.path));
        return;
      case 'sync-ends':
        syncs.get(step.call)?.();
        return;
      case 'write':
        write(step.path, step.bytes, step.at);
        return;
      case 'resize':
        fileAt(step.path).seen = named(step.bytes, fileAt(step.path).seen.pieces);
        return;
      case 'folder':
        create(step.path, folderOf());
        return;
      case 'unlink':
        remove(step.path);
        return;
      case 'rename':
        move(step.path, step.to);
        return;
      case 'open':
        if (!nodeAt(step.path)) create(step.path, { kind: 'file', seen: EMPTY, synced: EMPTY });
        else if (step.empty) fileAt(step.path).seen = named(0, []);
    }
  }

  function imageOf({ names, content }: Luck): Image {
    const image = new Map<string, Content | 'folder'>();
    function add(folder: Folder, path: string): void {
      const there = new Map(folder.synced);
      for (const one of folder.pending.slice(0, names(folder))) one(there);
      for (const [name, node] of there) {
        image.set(`${path}${name}`, node.kind === 'folder' ? 'folder' : content(node));
        if (node.kind === 'folder') add(node, `${path}${name}/`);
      }
    }
    add(root, '');
    return image;
  }

  function nodes(folder: Folder = root): (File | Folder)[] {
    return [...folder.seen.values()].flatMap(one => (one.kind === 'folder' ? [one, ...nodes(one)] : [one]));
  }

  /** What each folder or file that is not synced leaves if it alone is there. */
  const alone = (): Luck[] =>
    nodes().flatMap((one): Luck[] => {
      if (one.kind === 'folder')
        return one.pending.length === 0
          ? []
          : [
              {
                name: 'the names of one folder',
                names: each => (each === one ? all(each) : 0),
                content: syncedOf,
              },
            ];
      return one.seen === one.synced
        ? []
        : [
            {
              name: 'the bytes of one file',
              names: all,
              content: each => (each === one ? each.seen : each.synced),
            },
          ];
    });

  for (const [path, content] of initial) {
    const { folder, name } = parentOf(`${base}/${path}`);
    const node: File | Folder =
      content === 'folder' ? folderOf() : { kind: 'file', seen: content, synced: content };
    folder.seen.set(name, node);
    folder.synced.set(name, node);
  }

  return {
    take,
    /** Everything, as the process itself sees it. */
    seen: (): Image => imageOf({ name: 'everything', names: all, content: seenOf }),
    /** What a power failure may leave now. */
    afterPowerLoss: (): { readonly luck: LuckName; readonly image: Image }[] =>
      [...lucks, ...alone()].map(luck => ({ luck: luck.name, image: imageOf(luck) })),
  };
}
