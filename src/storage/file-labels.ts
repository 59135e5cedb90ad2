// The labels of a pool of files are lines in one file, to which changes are appended: the last line of a disk
// counts. One file, and not one beside each image, since creating and deleting a file for each disk, with its
// fsyncs, would cost as much as the image. A change waits up to a second for others, so that under load
// hundreds share one fsync. A crash may cut the last line, or lose a second's lines: they are written again
// at the next start, from the records. Only who loses the store and these lines at once has volumes without
// labels.
import { constants } from 'node:fs';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { removeUnfinished, writeDurably } from '../lib/durable-file.ts';
import { isMissing } from '../lib/missing.ts';
import { slicesOf } from '../lib/slices.ts';
import { type DiskLabel, type Labels, labelIn, textOfLabel } from './label.ts';
import { inThread } from './threads.ts';

const FILE = '.pdisk-disks';
const HEAD = '{"pdisk":"labels of disks","v":1}\n';
/** How long a change waits for others, in milliseconds. */
const GATHER_MS = 1000;
/** How many labels are made before the event loop gets a turn. */
const SLICE = 2000;
/** The file is written anew when it has more lines than twice the number of disks and these. */
const SPARE_LINES = 10_000;

const gone = (uuid: string): string => JSON.stringify({ uuid, gone: true });

/** The disk whose label a line ends; undefined for other lines. */
function goneIn(line: string): string | undefined {
  if (!line.includes('"gone"')) return undefined;
  try {
    const { uuid, gone } = JSON.parse(line) as { uuid?: unknown; gone?: unknown };
    return gone === true && typeof uuid === 'string' ? uuid : undefined;
  } catch {
    return undefined;
  }
}

interface Found {
  readonly labels: Map<string, DiskLabel>;
  readonly lines: number;
  /** Whether every line could be read. */
  readonly isWhole: boolean;
}

async function found(file: string): Promise<Found> {
  const text = await inThread(() => readFile(file, 'utf8')).catch(error => {
    if (isMissing(error)) return '';
    throw error;
  });
  const labels = new Map<string, DiskLabel>();
  const lines = text.split('\n');
  let isWhole = lines.pop() === '' && `${lines[0]}\n` === HEAD;
  for await (const slice of slicesOf(lines.slice(1), SLICE)) {
    for (const line of slice) {
      const label = labelIn(line);
      const ended = label ? undefined : goneIn(line);
      if (label) labels.set(label.uuid, label);
      else if (ended !== undefined) labels.delete(ended);
      else isWhole = false;
    }
  }
  return { labels, lines: lines.length, isWhole };
}

/**
 * The labels in the directory of a pool of files. `check` is to throw while the directory is not the claimed
 * one; `warn` is called once when labels cannot be written, until they can be again.
 */
export function fileLabels(
  directory: string,
  check: () => Promise<void>,
  warn: (sentence: string) => void,
): Labels {
  const file = join(directory, FILE);
  let pending: string[] = [];
  let handle: FileHandle | undefined;
  let all: (() => Iterable<DiskLabel>) | undefined;
  let count = 0;
  let lines = 0;
  /** Whether the file must be written anew. */
  let isStale = false;
  let wasWarned = false;
  let timer: NodeJS.Timeout | undefined;
  let beginning: Promise<void> | undefined;
  let writing: Promise<void> = Promise.resolve();

  async function* texts(): AsyncGenerator<string> {
    yield HEAD;
    const labels = [...(all?.() ?? [])];
    count = labels.length;
    lines = count;
    for await (const slice of slicesOf(labels, SLICE))
      yield slice.map(label => `${textOfLabel(label)}\n`).join('');
  }

  async function writeAnew(): Promise<void> {
    await check();
    await handle?.close().catch(() => {});
    handle = undefined;
    // What is put while this is written is appended to it; twice does no harm.
    await writeDurably(file, texts());
    isStale = false;
  }

  async function append(text: string): Promise<void> {
    handle ??= await inThread(() =>
      open(file, constants.O_WRONLY | constants.O_APPEND | constants.O_NOFOLLOW),
    );
    const { nlink } = await handle.stat();
    if (nlink === 0) throw new Error(`${file} was removed`);
    await inThread(() => (handle as FileHandle).writeFile(text));
    await inThread(() => (handle as FileHandle).datasync());
  }

  async function write(): Promise<void> {
    const some = pending;
    pending = [];
    try {
      if (isStale || lines > 2 * count + SPARE_LINES) return await writeAnew();
      if (some.length === 0) return;
      lines += some.length;
      await append(some.map(line => `${line}\n`).join(''));
      wasWarned = false;
    } catch (error) {
      // The end of the file is not known now.
      isStale = true;
      if (!wasWarned) warn(`the labels of disks in ${file} are behind: ${(error as Error).message}`);
      wasWarned = true;
      later();
    }
  }

  function later(): void {
    timer ??= setTimeout(() => {
      timer = undefined;
      writing = writing.then(write);
    }, GATHER_MS).unref();
  }

  async function begin(present: () => Iterable<DiskLabel>): Promise<void> {
    all = present;
    await inThread(() => removeUnfinished(file)).catch(() => {});
    const {
      labels,
      isWhole,
      lines: before,
    } = await found(file).catch(() => ({
      labels: new Map<string, DiskLabel>(),
      isWhole: false,
      lines: 0,
    }));
    lines = before;
    count = 0;
    let same = 0;
    for await (const slice of slicesOf([...present()], SLICE)) {
      count += slice.length;
      for (const label of slice) {
        const old = labels.get(label.uuid);
        if (old && textOfLabel(old) === textOfLabel(label)) same += 1;
      }
    }
    isStale = !isWhole || same < count || labels.size !== count;
    if (isStale || pending.length > 0) writing = writing.then(write);
    await writing;
  }

  return {
    put(uuid, label) {
      pending.push(label ? textOfLabel(label) : gone(uuid));
      if (all) later();
    },
    begin(present) {
      beginning = begin(present);
      return beginning;
    },
    read: async () => (await found(file)).labels,
    async close() {
      await beginning;
      clearTimeout(timer);
      if (all) writing = writing.then(write);
      await writing;
      clearTimeout(timer);
      await handle?.close().catch(() => {});
    },
  };
}
