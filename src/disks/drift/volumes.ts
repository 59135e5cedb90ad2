// Records come before volumes and go after them, so a volume without a record has lost it by other means: a database that was restored, or
// a mistake. What is in it may be all that is left of somebody's data: it is kept, and told, until an administrator decides.
import { slicesOf } from '../../lib/slices.ts';
import type { Pool, Stranger, VolumeEntry } from '../../storage/pool.ts';
import type { GroupCommit } from '../../store/group-commit.ts';
import { prefixes } from '../../store/keys.ts';
import type { LeftoverRecord } from '../../store/records.ts';
import type { RecordIndex } from '../records/record-index.ts';
import { isKnown } from '../records/records.ts';

/** How many disks or volumes are looked at before others have their turn: some milliseconds' worth. */
const SLICE = 2000;

/** A volume that belongs to no disk. */
export interface Leftover extends VolumeEntry {
  /** When it was first seen to be one, in milliseconds since 1970 by the system's clock. */
  readonly since: number;
}

/** How records and pool differ. */
export interface VolumeDifferences {
  readonly leftovers: ReadonlyMap<string, Leftover>;
  /** Disks that have no volume. */
  readonly lost: ReadonlySet<string>;
  readonly strangers: readonly Stranger[];
}

export interface Volumes {
  /** Holds records and volumes against each other, as they are from now on. Rejects with POOL_UNAVAILABLE. */
  look(): Promise<VolumeDifferences>;
  /** What was found last, but for what has its record again since. */
  last(): VolumeDifferences;
  /** Resolves when nobody looks any more. */
  stop(): Promise<void>;
}

interface Seen {
  readonly lost: ReadonlySet<string>;
  readonly leftovers: readonly VolumeEntry[];
}

export function watchVolumes(parts: {
  readonly pool: Pick<Pool, 'list' | 'strangers'>;
  /** When a volume was made, where the list does not say, in milliseconds since 1970; undefined where nobody knows. */
  readonly bornMs: (uuid: string) => Promise<number | undefined>;
  readonly journal: GroupCommit;
  readonly decided: RecordIndex;
  /** The leftovers that were seen before. */
  readonly known: readonly LeftoverRecord[];
  /** The system's clock: what is remembered is read by people, and by the next start. */
  readonly time: () => number;
}): Volumes {
  const { pool, bornMs, journal, decided, time } = parts;
  const births = new Map<string, number>();
  const since = new Map(parts.known.map(record => [record.uuid, record.since]));
  let found: VolumeDifferences = { leftovers: new Map(), lost: new Set(), strangers: [] };
  let running: Promise<VolumeDifferences> | undefined;
  let next: Promise<VolumeDifferences> | undefined;
  let stopped = false;

  async function see(): Promise<Seen> {
    const disks: string[] = [];
    for await (const slice of slicesOf([...decided.disks()], SLICE)) {
      for (const disk of slice) if (isKnown(disk)) disks.push(disk.context.uuid);
    }
    const volumes = await pool.list();
    const there = new Set<string>();
    const leftovers: VolumeEntry[] = [];
    for await (const slice of slicesOf(volumes, SLICE)) {
      for (const { uuid } of slice) there.add(uuid);
      leftovers.push(...slice.filter(({ uuid }) => !decided.disk(uuid)));
    }
    const lost = new Set<string>();
    for await (const slice of slicesOf(disks, SLICE)) {
      for (const uuid of slice) if (!there.has(uuid) && decided.disk(uuid)) lost.add(uuid);
    }
    return { leftovers, lost };
  }

  /** What is seen twice in a row, for disks come and go meanwhile. */
  async function seeTwice(): Promise<Seen> {
    const first = await see();
    if (first.leftovers.length === 0 && first.lost.size === 0) return first;
    const second = await see();
    const before = new Set(first.leftovers.map(({ uuid }) => uuid));
    return {
      leftovers: second.leftovers.filter(({ uuid }) => before.has(uuid)),
      lost: new Set([...second.lost].filter(uuid => first.lost.has(uuid))),
    };
  }

  /** Writes down since when leftovers are known, those that are none any more not at all. */
  async function remember(present: ReadonlySet<string>): Promise<void> {
    const key = (uuid: string): string => prefixes.leftover + uuid;
    const gone = [...since.keys()].filter(uuid => !present.has(uuid));
    const fresh = [...present].filter(uuid => !since.has(uuid));
    if (gone.length + fresh.length === 0) return;
    const now = time();
    for (const uuid of gone) {
      since.delete(uuid);
      births.delete(uuid);
    }
    for (const uuid of fresh) since.set(uuid, now);
    await journal.commit([
      ...gone.map(uuid => ({ key: key(uuid), value: undefined })),
      ...fresh.map(uuid => ({ key: key(uuid), value: { v: 1, uuid, since: now } })),
    ]);
  }

  /** One after the other: a look has time, and whoever writes to disk meanwhile has not. */
  async function learnBirths(leftovers: readonly VolumeEntry[]): Promise<void> {
    for (const { uuid, createdMs } of leftovers) {
      if (stopped || createdMs !== undefined || births.has(uuid)) continue;
      const born = await bornMs(uuid);
      if (born !== undefined) births.set(uuid, born);
    }
  }

  async function compare(): Promise<VolumeDifferences> {
    const { leftovers, lost } = await seeTwice();
    const strangers = await pool.strangers();
    if (stopped) return found;
    await remember(new Set(leftovers.map(({ uuid }) => uuid)));
    await learnBirths(leftovers);
    const entries = leftovers.map((entry): [string, Leftover] => {
      const { uuid, createdMs = births.get(uuid) } = entry;
      return [uuid, { ...entry, createdMs, since: since.get(uuid) ?? time() }];
    });
    found = { leftovers: new Map(entries), lost, strangers };
    return found;
  }

  /** One at a time; all who come while one is at work share the next. */
  function look(): Promise<VolumeDifferences> {
    if (stopped) return Promise.resolve(found);
    if (running) {
      next ??= running
        .catch(() => undefined)
        .then(() => {
          next = undefined;
          return look();
        });
      return next;
    }
    running = compare().finally(() => {
      running = undefined;
    });
    return running;
  }

  return {
    look,
    last: () => ({
      leftovers: new Map([...found.leftovers].filter(([uuid]) => !decided.disk(uuid))),
      lost: new Set([...found.lost].filter(uuid => decided.disk(uuid))),
      strangers: found.strangers,
    }),
    async stop() {
      stopped = true;
      await Promise.allSettled([next, running]);
    },
  };
}
