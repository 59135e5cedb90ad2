import type { Logger } from 'pino';
import type { Caller } from '../../accounts/caller.ts';
import { errorOf, reasonOf } from '../../errors.ts';
import type { RecordIndex } from '../records/record-index.ts';
import { runsTheCloud } from '../services/rights.ts';
import type { DefinitionBook } from '../vms/definitions.ts';
import type { Holders } from '../vms/holders.ts';
import { type Difference, differencesOf, type Truths } from './drift.ts';
import { type DriftKind, driftKinds } from './drift-kinds.ts';
import { ageSentence } from './store-age.ts';
import type { Volumes } from './volumes.ts';

/** A difference, and since when it is known, in milliseconds since 1970. */
export interface KnownDifference extends Difference {
  readonly since: number;
}

/** A change of the differences of one kind. */
export interface DriftNews {
  readonly kind: DriftKind;
  /** How many differences of this kind there are now. */
  readonly count: number;
  /** New differences, and those that have disappeared: at most 100 each. */
  readonly came: readonly KnownDifference[];
  readonly gone: readonly KnownDifference[];
}

/** Drift for the API: differences between records, pool and domains. */
export interface DriftService {
  /**
   * The differences as they are now, grouped by kind. For administrators and the frontend. Rejects with
   * FORBIDDEN.
   */
  list(caller: Caller): Promise<readonly KnownDifference[]>;
}

/** Compares records, pool and domains repeatedly, and reports changes to the log and to listeners. */
export interface DriftWatch extends DriftService {
  /** Compares records, pool and domains, and reports what is new and what has disappeared. Never rejects. */
  pass(): Promise<void>;
  /** How many differences of each kind the last comparison found. */
  counts(): ReadonlyMap<DriftKind, number>;
  /**
   * Calls the listener with the number of differences of each kind that is present, and from then on with
   * every change.
   */
  tell(listener: (news: DriftNews) => void): void;
}

/** How many differences of one kind are reported singly: if a whole pool is lost, the number is enough. */
const MAX_LISTED = 100;
const kinds = Object.keys(driftKinds) as DriftKind[];
/** Kinds that mostly disappear without help; they are logged as warnings, not as errors. */
const PASSING: ReadonlySet<DriftKind> = new Set(['machine-away', 'node-silent', 'node-dead', 'pool-unseen']);

const keyOf = ({ kind, disk, node, vm, domain, detail }: Difference): string =>
  JSON.stringify([kind, disk, node, vm, domain, kind === 'stranger' ? detail : '']);

/** Creates a drift watch; nothing is compared before the first `pass` or `list`. */
export function watchDrift(parts: {
  readonly volumes: Volumes;
  readonly holders: Holders;
  readonly definitions: DefinitionBook;
  readonly decided: Pick<RecordIndex, 'attachments' | 'disks'>;
  /** The nodes to compare, as they are now. */
  readonly truths: () => Pick<Truths, 'nodes' | 'keyOf' | 'nameOf'>;
  readonly log: Logger;
  readonly now: () => number;
  readonly time: () => number;
  /** How long a node may take to answer a question, in milliseconds. */
  readonly questionMs: number;
}): DriftWatch {
  const { volumes, holders, definitions, decided, log, now, time, questionMs } = parts;
  const listeners: ((news: DriftNews) => void)[] = [];
  let known = new Map<string, KnownDifference>();
  let poolUnseen: string | undefined;
  let poolSeen = false;

  async function lookAtPool(): Promise<void> {
    try {
      const found = await volumes.look();
      poolUnseen = undefined;
      const sentence = poolSeen ? undefined : ageSentence(found, decided.disks());
      if (sentence !== undefined) log.error(sentence);
      poolSeen = true;
    } catch (error) {
      poolUnseen = reasonOf(error);
    }
  }

  function evaluate(): Map<string, KnownDifference> {
    const seen = new Map<string, KnownDifference>();
    const truths = { ...parts.truths(), holders, definitions, volumes: volumes.last(), poolUnseen };
    for (const one of differencesOf({ ...truths, attachments: [...decided.attachments()] })) {
      const key = keyOf(one);
      seen.set(key, { ...one, since: one.since ?? known.get(key)?.since ?? time() });
    }
    return seen;
  }

  function report({ kind, count, came, gone }: DriftNews): void {
    for (const { disk, node, vm, detail, repair } of came) {
      const level = PASSING.has(kind) ? 'warn' : 'error';
      log[level]({ drift: kind, disk, node, vm, ...(repair === null ? {} : { repair }) }, detail);
    }
    for (const { disk, node, vm, detail } of gone)
      log.info({ drift: kind, disk, node, vm }, `no longer: ${detail}`);
    if (came.length === MAX_LISTED) log.error({ drift: kind, count }, 'there are more: see GET /api/drift');
  }

  function countOf(differences: ReadonlyMap<string, KnownDifference>): Map<DriftKind, number> {
    const counts = new Map<DriftKind, number>(kinds.map(kind => [kind, 0]));
    for (const { kind } of differences.values()) counts.set(kind, (counts.get(kind) ?? 0) + 1);
    return counts;
  }

  async function pass(): Promise<void> {
    await Promise.all([lookAtPool(), holders.ready(now() + questionMs)]);
    const before = known;
    known = evaluate();
    const came = [...known].filter(([key]) => !before.has(key)).map(([, one]) => one);
    const gone = [...before].filter(([key]) => !known.has(key)).map(([, one]) => one);
    const counts = countOf(known);
    for (const kind of kinds) {
      const some = (all: readonly KnownDifference[]) =>
        all.filter(one => one.kind === kind).slice(0, MAX_LISTED);
      const news = { kind, count: counts.get(kind) ?? 0, came: some(came), gone: some(gone) };
      if (news.came.length + news.gone.length === 0) continue;
      report(news);
      for (const listener of listeners) listener(news);
    }
  }

  return {
    pass,
    counts: () => countOf(known),
    async list(caller) {
      if (!runsTheCloud(caller))
        throw errorOf('FORBIDDEN', { detail: 'what differs is for those who run the cloud' });
      await pass();
      return [...known.values()];
    },
    tell(listener) {
      for (const [kind, count] of countOf(known))
        if (count > 0) listener({ kind, count, came: [], gone: [] });
      listeners.push(listener);
    },
  };
}
