// The label of a disk as tags of its logical volume. A tag may have letters, digits and few other characters,
// and 1024 of them (lvm(8), VALID NAMES): so the text of the label is in base64, in numbered pieces. A new
// volume gets its tags when it is created, at no cost; a change takes a command of LVM later, when nobody
// waits.
import { z } from 'zod';
import { type DiskLabel, type Labels, labelIn, textOfLabel } from '../label.ts';
import { withTimeout } from '../timeout.ts';
import type { Lvm } from './lvm.ts';
import { nameOf, uuidOfName } from './naming.ts';

const PIECE = /^pdisk\.label(\d)=([A-Za-z0-9+/=]+)$/;
const PIECE_LENGTH = 900;
/** How long changes are gathered, in milliseconds: finding out what differs takes a command. */
const GATHER_MS = 5_000;
/** How long a command may take that may wait for the lock of the volume group, in milliseconds. */
const COMMAND_MS = 60_000;

/** The tags that hold a label. */
export function tagsOfLabel(label: DiskLabel): readonly string[] {
  const text = Buffer.from(textOfLabel(label)).toString('base64');
  const pieces = text.match(new RegExp(`.{1,${PIECE_LENGTH}}`, 'g')) ?? [];
  return pieces.map((piece, index) => `pdisk.label${index}=${piece}`);
}

const isPiece = (tag: string): boolean => PIECE.test(tag);

/** The label in the tags of a volume; undefined where there is none. */
export function labelInTags(tags: readonly string[]): DiskLabel | undefined {
  const pieces = tags.filter(isPiece).sort();
  const text = pieces.map(tag => PIECE.exec(tag)?.[2] ?? '').join('');
  return labelIn(Buffer.from(text, 'base64').toString());
}

const report = z.object({
  report: z.array(z.object({ lv: z.array(z.object({ lv_name: z.string(), lv_tags: z.string() })) })),
});

/** The labels of the disks in a volume group; `warn` as in `fileLabels`. */
export function lvmLabels(vg: string, lvm: Lvm, warn: (sentence: string) => void): Labels {
  let pending = new Map<string, DiskLabel>();
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();
  let hasBegun = false;
  let wasWarned = false;
  const run = (...[command = '', ...args]: string[]): Promise<string> =>
    withTimeout(COMMAND_MS, signal => lvm(signal, command, ...args));

  /** The tags of every volume of ours. */
  async function tags(): Promise<ReadonlyMap<string, readonly string[]>> {
    const text = await run('lvs', '--reportformat', 'json', '-o', 'lv_name,lv_tags', vg);
    const rows = report.parse(JSON.parse(text)).report.flatMap(({ lv }) => lv);
    return new Map(
      rows.flatMap(({ lv_name, lv_tags }): [string, string[]][] => {
        const uuid = uuidOfName(lv_name);
        return uuid === undefined ? [] : [[uuid, lv_tags.split(',')]];
      }),
    );
  }

  async function change(uuid: string, label: DiskLabel, present: readonly string[]): Promise<void> {
    const wanted = tagsOfLabel(label);
    const old = present.filter(tag => isPiece(tag) && !wanted.includes(tag));
    const fresh = wanted.filter(tag => !present.includes(tag));
    if (old.length + fresh.length === 0) return;
    const changes = [...old.flatMap(tag => ['--deltag', tag]), ...fresh.flatMap(tag => ['--addtag', tag])];
    // The selection: a volume that was deleted meanwhile is no error.
    const select = ['--select', `lv_name="${nameOf(uuid)}" && lv_tags="pdisk"`];
    await run('lvchange', '--quiet', ...changes, ...select, vg);
  }

  async function write(): Promise<void> {
    const some = pending;
    pending = new Map();
    if (some.size === 0) return;
    try {
      const present = await tags();
      for (const [uuid, label] of some) {
        const found = present.get(uuid);
        if (found) await change(uuid, label, found);
        some.delete(uuid);
      }
      wasWarned = false;
    } catch (error) {
      for (const [uuid, label] of some) if (!pending.has(uuid)) pending.set(uuid, label);
      if (!wasWarned) warn(`the labels of disks in ${vg} are behind: ${(error as Error).message}`);
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

  return {
    put(uuid, label) {
      // The tags of a volume go with it.
      if (label) pending.set(uuid, label);
      else pending.delete(uuid);
      if (hasBegun) later();
    },
    async begin(all) {
      hasBegun = true;
      for (const label of all()) pending.set(label.uuid, label);
      writing = writing.then(write);
      await writing;
    },
    async read() {
      const labels = [...(await tags())].flatMap(([uuid, tags]) => {
        const label = labelInTags(tags);
        return label?.uuid === uuid ? [[uuid, label] as const] : [];
      });
      return new Map(labels);
    },
    async close() {
      clearTimeout(timer);
      writing = writing.then(write);
      await writing;
      clearTimeout(timer);
    },
  };
}
