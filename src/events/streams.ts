import type { Caller } from '../accounts/caller.ts';
import type { DriftNews } from '../disks/drift/drift-watch.ts';
import type { DiskService, DiskView } from '../disks/service.ts';
import { errorOf } from '../errors.ts';
import type { Fullness } from '../storage/fullness.ts';
import type { EventRecord } from '../store/records.ts';
import { type Control, type Notice, snapshotOf } from './control.ts';
import type { EventLog } from './log.ts';
import { createReader } from './reader.ts';
import { type EventVisibility, type Filter, visibilityIn } from './visibility.ts';

/** Why the service ends a stream. */
export type End = 'stopping' | 'account' | 'limit' | 'history' | 'fault';

/** Where a stream goes. A message is always taken. */
export interface Sink {
  /** Sends what `write` writes in as few packets as it can. False: the client has enough for now. */
  together(write: () => void): boolean;
  /** Only within `together`, as `control` is; false: enough for one time. */
  event(event: EventRecord, sight: Exclude<EventVisibility, 'nothing'>): boolean;
  control(message: Control): boolean;
  end(why: End): void;
}

export interface Subscription {
  /** The client takes more. */
  writable(): void;
  /** The client is gone; nothing may be written any more. */
  closed(): void;
}

interface Wish {
  /** Resume after this sequence, 0 from the beginning of the log; undefined: from now. */
  readonly since: number | undefined;
  readonly snapshot: boolean;
  /** How a snapshot shows the disks. */
  readonly view: 'full' | undefined;
  readonly filter: Filter;
}

interface StreamFigures {
  readonly streams: number;
  /** How many events the stream that is furthest behind has yet to be sent. */
  readonly lag: number;
  /** How many streams began in the past. */
  readonly replays: number;
}

export interface Streams {
  /** Throws TOO_MANY_STREAMS where this account may not open one more. */
  admit(caller: Caller): void;
  /** Begins a stream, or ends it with `limit`: others may have come since it was admitted. */
  open(caller: Caller, wish: Wish, sink: Sink): Subscription;
  figures(): StreamFigures;
  /** Tells all who run the service, no users, how full the pool is; also those who come later, until it is `ok` again. */
  warn(fullness: Fullness): void;
  /** Tells the same people what has come and gone of one kind of difference; those who come later, how many there are. */
  drift(news: DriftNews): void;
  /** Ends all streams. */
  stop(): void;
}

export interface StreamsParts {
  readonly log: EventLog;
  /** What a caller sees of the disks, as of the newest event. */
  readonly service: Pick<DiskService, 'list' | 'listDetails'>;
  readonly isCurrent: (caller: Caller) => boolean;
  readonly perAccount: number;
  readonly bookmarkMs: number;
  readonly failed: (error: unknown) => void;
}

/** How many events one stream is given before it is the next one's turn. */
const TURN = 64;
/** How long streams are served before everything else the process does, in milliseconds. */
const SLICE_MS = 5;
/** How soon a stream notices that its account has ended though nothing happens, in milliseconds. */
const TICK_MS = 1000;

interface Stream {
  readonly account: string;
  serve(): boolean;
  notify(what: string, notice: Notice): void;
  tick(now: number): void;
  lag(): number;
  end(why: End): void;
}

/** All streams that are open. They take turns, so that neither many nor slow ones keep the rest of the service waiting. */
export function createStreams(parts: StreamsParts): Streams {
  const { log, service, isCurrent, perAccount, bookmarkMs, failed } = parts;
  const streams = new Set<Stream>();
  const perName = new Map<string, number>();
  const due = new Set<Stream>();
  /** What is to be told to those who come later, by what it is about. */
  const standing = new Map<string, Notice>();
  let news = false;
  let scheduled = false;
  let replays = 0;

  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    setImmediate(serveDue);
  }

  function serveDue(): void {
    scheduled = false;
    if (news) for (const stream of streams) due.add(stream);
    news = false;
    const end = performance.now() + SLICE_MS;
    for (const stream of due) {
      due.delete(stream);
      if (stream.serve()) due.add(stream);
      if (performance.now() > end) break;
    }
    if (due.size > 0) schedule();
  }

  log.onNews(() => {
    if (streams.size === 0) return;
    news = true;
    schedule();
  });

  const ticking = setInterval(() => {
    const now = performance.now();
    for (const stream of streams) stream.tick(now);
  }, TICK_MS).unref();

  /** What comes before the first event, and after which sequence that is. */
  function beginning(
    caller: Caller,
    { since, snapshot, view, filter }: Wish,
  ): { first: Iterator<Control>; after: number } {
    const [oldest, newest] = [log.oldest(), log.newest()];
    const present = (): Iterator<Control> => {
      const isChosen = ({ uuid }: DiskView): boolean => filter.disks?.has(uuid) ?? true;
      if (view) return snapshotOf({ view, disks: service.listDetails(caller).filter(isChosen) }, newest);
      return snapshotOf({ view, disks: service.list(caller).filter(isChosen) }, newest);
    };
    // A place beyond the newest is of another log: of a store that was replaced or restored.
    const lost = since !== undefined && since !== 0 && (since + 1 < oldest || since > newest);
    if (lost) return { first: after({ control: 'resync', sequence: oldest }, present()), after: newest };
    if (snapshot) return { first: present(), after: newest };
    if (since === undefined) {
      return { first: [{ control: 'bookmark', sequence: newest } as const].values(), after: newest };
    }
    return { first: [].values(), after: since === 0 ? oldest - 1 : since };
  }

  /** Tells those who are here; `later`: what to tell those who come later, undefined for nothing any more. */
  function notify(what: string, notice: Notice, later: Notice | undefined): void {
    if (later) standing.set(what, later);
    else standing.delete(what);
    for (const stream of streams) stream.notify(what, notice);
  }

  const hasRoom = (account: string): boolean => (perName.get(account) ?? 0) < perAccount;

  function open(caller: Caller, wish: Wish, sink: Sink): Subscription {
    if (!hasRoom(caller.account)) {
      sink.end('limit');
      return { writable() {}, closed() {} };
    }
    const { first, after } = beginning(caller, wish);
    const { account } = caller;
    let opening = first.next();
    // Of each thing only the newest.
    const untold = new Map(caller.role === 'user' ? [] : standing);
    let full = false;
    let closed = false;
    let bookmarked = performance.now();

    const wake = (): void => {
      if (closed) return;
      due.add(stream);
      schedule();
    };
    const reader = createReader({
      log,
      after,
      ready: wake,
      lost: () => end('history'),
      failed(error) {
        failed(error);
        end('fault');
      },
    });

    function leave(): void {
      if (closed) return;
      closed = true;
      streams.delete(stream);
      due.delete(stream);
      const left = (perName.get(account) ?? 1) - 1;
      if (left > 0) perName.set(account, left);
      else perName.delete(account);
    }

    function end(why: End): void {
      if (closed) return;
      leave();
      sink.end(why);
    }

    function give(event: EventRecord): boolean {
      const sight = visibilityIn(caller, wish.filter, event);
      return sight === 'nothing' || sink.event(event, sight);
    }

    /** Whether there is more to do at once. */
    function serve(): boolean {
      if (closed || full) return false;
      if (!isCurrent(caller)) {
        end('account');
        return false;
      }
      let more = false;
      const taken = sink.together(() => {
        while (!opening.done) {
          more = true;
          const next = sink.control(opening.value);
          opening = first.next();
          if (!next) return;
        }
        for (const [what, notice] of untold) {
          untold.delete(what);
          more = true;
          if (!sink.control({ ...notice, sequence: reader.cursor() })) return;
        }
        more = reader.turn(TURN, give);
      });
      full = !taken;
      return more && taken && !closed;
    }

    const stream: Stream = {
      account,
      serve,
      end,
      lag: () => log.newest() - reader.cursor(),
      notify(what, notice) {
        if (caller.role === 'user') return;
        untold.set(what, notice);
        wake();
      },
      tick(now) {
        if (!isCurrent(caller)) return end('account');
        const busy = full || !opening.done || reader.cursor() !== log.newest();
        if (busy || now - bookmarked < bookmarkMs) return;
        bookmarked = now;
        const taken = sink.together(() => {
          sink.control({ control: 'bookmark', sequence: reader.cursor() });
        });
        full = !taken;
      },
    };
    streams.add(stream);
    perName.set(account, (perName.get(account) ?? 0) + 1);
    if (after < log.newest()) replays += 1;
    wake();
    return {
      writable() {
        if (!full) return;
        full = false;
        wake();
      },
      closed: leave,
    };
  }

  return {
    admit({ account }) {
      if (!hasRoom(account))
        throw errorOf('TOO_MANY_STREAMS', { detail: `at most ${perAccount} for an account` });
    },
    open,
    figures: () => ({
      streams: streams.size,
      lag: [...streams].reduce((most, stream) => Math.max(most, stream.lag()), 0),
      replays,
    }),
    warn(fullness) {
      const notice = { control: 'pool' as const, ...fullness };
      notify(`pool ${fullness.what}`, notice, fullness.level === 'ok' ? undefined : notice);
    },
    drift(news) {
      const notice = { control: 'drift' as const, ...news };
      notify(`drift ${news.kind}`, notice, news.count === 0 ? undefined : { ...notice, came: [], gone: [] });
    },
    stop() {
      clearInterval(ticking);
      for (const stream of [...streams]) stream.end('stopping');
    },
  };
}

function* after(one: Control, others: Iterator<Control>): Generator<Control> {
  yield one;
  for (let other = others.next(); !other.done; other = others.next()) yield other.value;
}
