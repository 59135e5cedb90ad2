import type { DriftNews } from '../disks/drift/drift-watch.ts';
import type { DiskDetails, DiskView } from '../disks/service.ts';
import type { Fullness } from '../storage/fullness.ts';

/** The disks that a caller sees, at one moment. */
type Present =
  | { readonly view: undefined; readonly disks: readonly DiskView[] }
  | { readonly view: 'full'; readonly disks: readonly DiskDetails[] };

/** What a stream tells about itself; all else on it are events. */
export type Control =
  /** Everything up to this sequence has been sent: a place to resume from. */
  | { readonly control: 'bookmark'; readonly sequence: number }
  /** Some of the disks as they were at this sequence; `complete` with the last of them. What follows has happened after it. */
  | ({ readonly control: 'snapshot'; readonly sequence: number; readonly complete: boolean } & Present)
  /** The place asked for is not in the log, whose oldest event this is; a snapshot follows. */
  | { readonly control: 'resync'; readonly sequence: number }
  /** The pool has become fuller, or emptier, than a threshold; told again at the beginning of a stream while it is so. A place to resume from. */
  | ({ readonly control: 'pool'; readonly sequence: number } & Fullness)
  /** Records, pool and domains differ in another way than before; how many differences there are is told again at the beginning of a stream. A place to resume from. */
  | ({ readonly control: 'drift'; readonly sequence: number } & DriftNews);

type WithoutSequence<Message> = Message extends Control ? Omit<Message, 'sequence'> : never;

/** What is told to those who run the service, and in no log. */
export type Notice = WithoutSequence<Extract<Control, { control: 'pool' | 'drift' }>>;

const SNAPSHOT_DISKS = 100;

/** A snapshot in pieces. What it shows is of one moment: a disk that changes gets another view, and other details. */
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
