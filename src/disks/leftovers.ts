// Records come before volumes and go after them, so a volume without a record has lost it by other means: a database that was restored, or
// a mistake. What is in it may be all that is left of somebody's data: it is reported, and kept for a long grace time.
import type { Logger } from 'pino';
import { slicesOf } from '../slices.ts';
import type { Pool } from '../storage/pool.ts';
import type { Journal } from '../store/journal.ts';
import { prefixes } from '../store/keys.ts';
import type { LeftoverRecord } from '../store/records.ts';
import { isKnown } from './records.ts';
import type { Shelf } from './shelf.ts';

/** How many disks or volumes are looked at before others have their turn: some milliseconds' worth. */
const SLICE = 2000;

/** Sets: in a pool that lost its directory it is all disks. */
interface Difference {
  readonly leftovers: ReadonlySet<string>;
  readonly lost: ReadonlySet<string>;
}

export interface Leftovers {
  /** Holds records and volumes against each other, and reports what is new. */
  report(): Promise<void>;
  /** Reports, and removes what has been left over for too long; wiping it may take hours. */
  pass(): Promise<void>;
  stop(): Promise<void>;
}

export function createLeftovers(parts: {
  readonly pool: Pool;
  readonly journal: Journal;
  readonly decided: Shelf;
  /** What was seen before. */
  readonly known: readonly LeftoverRecord[];
  readonly graceMs: number;
  readonly now: () => number;
  readonly log: Logger;
}): Leftovers {
  const { pool, journal, decided, graceMs, now, log } = parts;
  const since = new Map(parts.known.map(record => [record.uuid, record.since]));
  const missing = new Set<string>();
  const stopping = new AbortController();
  let running: Promise<void> | undefined;

  /** Volumes without a record, and disks without a volume; both twice in a row, for disks come and go meanwhile. */
  async function compare(): Promise<Difference> {
    const first = await look();
    if (first.leftovers.size === 0 && first.lost.size === 0) return first;
    const second = await look();
    return {
      leftovers: new Set([...second.leftovers].filter(uuid => first.leftovers.has(uuid))),
      lost: new Set([...second.lost].filter(uuid => first.lost.has(uuid))),
    };
  }

  async function look(): Promise<Difference> {
    const disks: string[] = [];
    for await (const slice of slicesOf([...decided.disks()], SLICE)) {
      for (const disk of slice) if (isKnown(disk)) disks.push(disk.context.uuid);
    }
    const volumes = (await pool.list()).map(({ uuid }) => uuid);
    const leftovers: string[] = [];
    for await (const slice of slicesOf(volumes, SLICE)) {
      leftovers.push(...slice.filter(uuid => !decided.disk(uuid)));
    }
    const there = new Set(volumes);
    const lost: string[] = [];
    for await (const slice of slicesOf(disks, SLICE)) {
      lost.push(...slice.filter(uuid => !there.has(uuid) && decided.disk(uuid)));
    }
    return { leftovers: new Set(leftovers), lost: new Set(lost) };
  }

  async function remember(uuid: string, time: number | undefined): Promise<void> {
    const value = time === undefined ? undefined : { v: 1, uuid, since: time };
    await journal.commit([{ key: prefixes.leftover + uuid, value }]);
    if (time === undefined) since.delete(uuid);
    else since.set(uuid, time);
  }

  async function remove(uuid: string): Promise<void> {
    for (let bytes = 0; pool.wipes; ) {
      const wiped = await pool.wipe(uuid, bytes, stopping.signal);
      bytes = wiped.bytes;
      if (bytes >= wiped.of) break;
    }
    if (decided.disk(uuid)) return;
    await pool.remove(uuid, stopping.signal);
    await remember(uuid, undefined);
    log.warn({ disk: uuid }, 'a volume that belonged to no disk was removed');
  }

  /** Resolves with what is due to be removed. */
  async function report(): Promise<string[]> {
    const { leftovers, lost } = await compare();
    for (const uuid of lost) {
      if (!missing.has(uuid)) log.error({ disk: uuid }, 'disk has no volume in the pool');
      missing.add(uuid);
    }
    for (const uuid of missing) if (!lost.has(uuid)) missing.delete(uuid);
    for (const uuid of [...since.keys()]) if (!leftovers.has(uuid)) await remember(uuid, undefined);
    for (const uuid of [...leftovers].filter(uuid => !since.has(uuid))) {
      const until = new Date(now() + graceMs).toISOString();
      log.error({ disk: uuid }, `volume belongs to no disk; it is left alone, and removed after ${until}`);
      await remember(uuid, now());
    }
    return [...leftovers].filter(uuid => now() - (since.get(uuid) ?? now()) >= graceMs);
  }

  /** One that cannot be removed, as somebody has it open, keeps no other from it. */
  async function clear(): Promise<void> {
    for (const uuid of await report()) {
      if (stopping.signal.aborted) return;
      await remove(uuid).catch(error => {
        if (!stopping.signal.aborted) log.warn({ disk: uuid, error: String(error) }, 'leftover not removed');
      });
    }
  }

  /** One at a time; whoever asks meanwhile waits for the one at work. */
  function alone(work: () => Promise<unknown>): Promise<void> {
    running ??= work()
      .then(() => undefined)
      .catch(error => {
        if (!stopping.signal.aborted) log.warn({ error: String(error) }, 'pool not reconciled');
      })
      .finally(() => {
        running = undefined;
      });
    return running;
  }

  return {
    report: () => alone(report),
    pass: () => alone(clear),
    async stop() {
      stopping.abort(new Error('pdisk stops'));
      await running;
    },
  };
}
