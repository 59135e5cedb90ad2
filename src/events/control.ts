import type { DriftNews } from '../disks/drift/drift-watch.ts';
import type { DiskDetails, DiskView } from '../disks/service.ts';
import type { Fullness } from '../storage/fullness.ts';

/** The disks that a caller may see, at one moment. */
type Present =
  | { readonly view: undefined; readonly disks: readonly DiskView[] }
  | { readonly view: 'full'; readonly disks: readonly DiskDetails[] };

/** The messages of a stream that are not events. */
export type Control =
  /** Everything up to this sequence has been sent: a reader can resume from here. */
  | { readonly control: 'bookmark'; readonly sequence: number }
  /**
   * A part of the disks as they were at this sequence; `complete` is true in the last part. Later messages
   * are newer.
   */
  | ({ readonly control: 'snapshot'; readonly sequence: number; readonly complete: boolean } & Present)
  /** The requested place is not in the log, whose oldest event has this sequence; a snapshot follows. */
  | { readonly control: 'resync'; readonly sequence: number }
  /**
   * The utilisation of the pool has crossed a threshold, in either direction; repeated at the start of a
   * stream until it is back to normal. A reader can resume from here.
   */
  | ({ readonly control: 'pool'; readonly sequence: number } & Fullness)
  /**
   * The differences between records, pool and domains have changed; their number is repeated at the start of
   * a stream. A reader can resume from here.
   */
  | ({ readonly control: 'drift'; readonly sequence: number } & DriftNews);

type WithoutSequence<Message> = Message extends Control ? Omit<Message, 'sequence'> : never;

/** Control messages for operators (roles `service` and `admin`); they are not stored in the log. */
export type Notice = WithoutSequence<Extract<Control, { control: 'pool' | 'drift' }>>;

/** How many disks one snapshot message has at most. */
const SNAPSHOT_DISKS = 100;

/**
 * A snapshot as a sequence of messages, made lazily. It stays consistent: a disk that changes gets new view
 * and details objects, the old ones do not change.
 */
export function* snapshotOf({ view, disks }: Present, sequence: number): Generator<Control, undefined> {
  let start = 0;
  do {
    const end = start + SNAPSHOT_DISKS;
    const place = { control: 'snapshot' as const, sequence, complete: end >= disks.length };
    if (view) yield { ...place, view, disks: disks.slice(start, end) };
    else yield { ...place, view, disks: disks.slice(start, end) };
    start = end;
  } while (start < disks.length);
}
