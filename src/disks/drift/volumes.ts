// A record is written before its volume is created, and deleted after its volume. So a volume without a
// record (a leftover) has lost it by other means: a restored database, or a mistake. It may hold the only
// copy of somebody's data: it is kept and reported until an administrator decides.
import { slicesOf } from '../../lib/slices.ts';
import type { Pool, Stranger, VolumeEntry } from '../../storage/pool.ts';
import type { GroupCommit } from '../../store/group-commit.ts';
import { prefixes } from '../../store/keys.ts';
import type { LeftoverRecord } from '../../store/records.ts';
import type { RecordIndex } from '../records/record-index.ts';
import { isKnown } from '../records/records.ts';

/** How many disks or volumes are compared before the event loop gets a turn: some milliseconds of work. */
const SLICE = 2000;

/** A volume without a disk on record. */
export interface Leftover extends VolumeEntry {
  /** When it was first seen without a record, in milliseconds since 1970 by the system's clock. */
  readonly since: number;
}

/** The differences between records and pool. */
export interface VolumeDifferences {
  readonly leftovers: ReadonlyMap<string, Leftover>;
  /** UUIDs of disks without a volume. */
  readonly lost: ReadonlySet<string>;
  readonly strangers: readonly Stranger[];
}

/** Compares the records with the volumes in the pool. */
export interface Volumes {
  /**
   * Compares records and volumes as they are at the time of the call or later. Rejects with POOL_UNAVAILABLE.
   */
  look(): Promise<VolumeDifferences>;
  /**
   * The result of the last comparison, without leftovers that have got a record and disks that were deleted
   * since.
   */
  last(): VolumeDifferences;
  /** Resolves when no comparison is in progress. */
  stop(): Promise<void>;
}

interface Seen {
  readonly lost: ReadonlySet<string>;
  readonly leftovers: readonly VolumeEntry[];
}

/** Creates the comparison of records and volumes; nothing is compared before the first `look`. */
export function watchVolumes(parts: {
  readonly pool: Pick<Pool, 'list' | 'strangers'>;
  /**
   * When a volume was made, in milliseconds since 1970, for pools whose list does not say; undefined: not
   * known.
   */
  readonly bornMs: (uuid: string) => Promise<number | undefined>;
  readonly groupCommit: GroupCommit;
  readonly decided: RecordIndex;
  /** The leftovers on record from earlier comparisons. */
  readonly known: readonly LeftoverRecord[];
  /** The system's clock: the times are stored, and read by people and by the next process. */
  readonly time: () => number;
}): Volumes {
  const { pool, bornMs, groupCommit, decided, time } = parts;
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

  /** Only what two scans in a row show: disks are created and deleted while a scan runs. */
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

  /** Stores since when each leftover is known, and deletes the entries of former leftovers. */
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
    await groupCommit.commit([
      ...gone.map(uuid => ({ key: key(uuid), value: undefined })),
      ...fresh.map(uuid => ({ key: key(uuid), value: { v: 1, uuid, since: now } })),
    ]);
  }

  /** Sequentially: a comparison may take long, and must not slow down requests that write to the pool. */
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

  /** Comparisons do not overlap. All calls during one share the next, which begins after it. */
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
