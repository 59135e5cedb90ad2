// Boundaries at every change of a file below the root folder.
import fs, { constants, type PathLike } from 'node:fs';
import fsPromises, { type FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { relative } from 'node:path';
import { promisify } from 'node:util';
import { UUID } from '../../../src/lib/uuid.ts';
import { around } from './counter.ts';
import { ROOT_VARIABLE } from './plan.ts';

const root = process.env[ROOT_VARIABLE] ?? '/';
const uuids = new RegExp(UUID, 'g');
const WRITING = constants.O_WRONLY | constants.O_RDWR | constants.O_CREAT;

/** A timer fills it in many pieces, at any time; `test/store` has tests of its own for it. */
const RESERVE = 'data/reserve';

/** How a path is called in the name of a boundary; undefined: it is none. */
function labelOf(path: unknown): string | undefined {
  const inside = relative(root, String(path));
  if (inside.startsWith('..') || inside === RESERVE) return undefined;
  // LevelDB numbers its files.
  return inside.replace(uuids, 'UUID').replace(/\d{4,}/g, 'N');
}

const isWriting = (flags: string | number | undefined): boolean =>
  typeof flags === 'number' ? (flags & WRITING) !== 0 : flags !== undefined && flags !== 'r';

type AnyCall = (...args: unknown[]) => unknown;
type Calls = Record<string, AnyCall>;

/** Wraps functions of node:fs/promises whose first argument is a path. */
function wrapByPath(): void {
  const calls = fsPromises as unknown as Calls;
  for (const name of ['rename', 'rm', 'unlink', 'mkdir', 'chmod', 'writeFile', 'truncate', 'link', 'rmdir']) {
    const original = calls[name] as (...args: unknown[]) => Promise<unknown>;
    calls[name] = (...args) => {
      const label = labelOf(args[0]);
      return label === undefined ? original(...args) : around(`${name} ${label}`, () => original(...args));
    };
  }
}

/** Wraps the opening of FileHandles and their methods that write. */
async function wrapHandles(): Promise<void> {
  const labels = new WeakMap<FileHandle, string>();
  const open = fsPromises.open;
  fsPromises.open = async (path, flags, mode) => {
    const label = labelOf(path);
    if (label === undefined) return open(path, flags, mode);
    const opened = isWriting(flags)
      ? await around(
          `open ${label}`,
          () => open(path, flags, mode),
          first => first.close(),
        )
      : await open(path, flags, mode);
    labels.set(opened, label);
    return opened;
  };
  const handle = await open('/dev/null');
  const methods = Object.getPrototypeOf(handle) as Calls;
  await handle.close();
  for (const name of ['sync', 'datasync', 'write', 'writeFile', 'truncate']) {
    const original = methods[name] as AnyCall;
    methods[name] = function (this: FileHandle, ...args) {
      const label = labels.get(this);
      const call = (): Promise<unknown> => original.apply(this, args) as Promise<unknown>;
      return label === undefined ? call() : around(`${name} ${label}`, call);
    };
  }
}

type Done = (error: unknown, result?: unknown) => void;

/** Wraps the calls by descriptor, as `src/storage/descriptor.ts` makes them. */
function wrapDescriptors(): void {
  const labels = new Map<number, string>();
  const calls = fs as unknown as Calls;
  const [open, close] = [promisify(fs.open), promisify(fs.close)];
  calls.open = (...args) => {
    const done = args.pop() as Done;
    const [path, flags, mode] = args as [PathLike, string, number | undefined];
    const label = labelOf(path);
    const call = (): Promise<number> => open(path, flags, mode);
    const opened = label !== undefined && isWriting(flags) ? around(`open ${label}`, call, close) : call();
    opened.then(descriptor => {
      if (label !== undefined) labels.set(descriptor, label);
      done(null, descriptor);
    }, done);
  };
  for (const name of ['fsync', 'fdatasync', 'ftruncate']) {
    const original = promisify(calls[name] as AnyCall) as (...args: unknown[]) => Promise<unknown>;
    calls[name] = (...args) => {
      const done = args.pop() as Done;
      const label = labels.get(args[0] as number);
      const call = (): Promise<unknown> => original(...args);
      (label === undefined ? call() : around(`${name} ${label}`, call)).then(
        result => done(null, result),
        done,
      );
    };
  }
}

/** Wraps the functions of node:fs and node:fs/promises that change files. */
export async function wrapFiles(): Promise<void> {
  wrapByPath();
  await wrapHandles();
  wrapDescriptors();
  syncBuiltinESMExports();
}
