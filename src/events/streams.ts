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

/** Why the service closes a stream. */
export type End = 'stopping' | 'account' | 'limit' | 'history' | 'fault';

/**
 * The transport of a stream. It never refuses a message; its results tell whether the client can take more.
 */
export interface Sink {
  /**
   * Sends everything that `write` writes in as few packets as possible. False: the client's buffer is full.
   */
  together(write: () => void): boolean;
  /** Sends an event; only within `together`, as `control`. False: enough for this `together`. */
  event(event: EventRecord, sight: Exclude<EventVisibility, 'nothing'>): boolean;
  control(message: Control): boolean;
  end(why: End): void;
}

/** What the transport tells the stream. */
export interface Subscription {
  /** The client can take more. */
  writable(): void;
  /** The client is gone; nothing may be written any more. */
  closed(): void;
}

interface StreamRequest {
  /** Resume after this sequence, 0: from the beginning of the log; undefined: from now on. */
  readonly since: number | undefined;
  readonly snapshot: boolean;
  /** Whether a snapshot shows the disks' details. */
  readonly view: 'full' | undefined;
  readonly filter: Filter;
}

interface StreamFigures {
  readonly streams: number;
  /** The number of events that the slowest stream has yet to send. */
  readonly lag: number;
  /** How many streams began behind the newest event. */
  readonly replays: number;
}

/** All open event streams. */
export interface Streams {
  /** Throws TOO_MANY_STREAMS where this account has the greatest number of streams open. */
  admit(caller: Caller): void;
  /**
   * Opens a stream, or ends it with `limit`: other streams of the account may have been opened since `admit`.
   */
  open(caller: Caller, request: StreamRequest, sink: Sink): Subscription;
  figures(): StreamFigures;
  /**
   * Sends the utilisation of the pool to the streams of operators (roles `service` and `admin`), and to their
   * later streams until it is `ok` again.
   */
  warn(fullness: Fullness): void;
  /**
   * Sends the new and the resolved differences of one kind to the streams of operators; their later streams
   * get the number of differences.
   */
  drift(news: DriftNews): void;
  /** Ends all streams. */
  stop(): void;
}

/**
 * What streams need of the rest of the service; `bookmarkMs` is the interval of bookmarks on idle streams.
 */
export interface StreamsParts {
  readonly log: EventLog;
  /** The disks that a caller may see, as of the newest event. */
  readonly service: Pick<DiskService, 'list' | 'listDetails'>;
  readonly isCurrent: (caller: Caller) => boolean;
  readonly perAccount: number;
  readonly bookmarkMs: number;
  readonly failed: (error: unknown) => void;
}

/** How many events of one stream are sent before the next stream is served. */
const TURN = 64;
/** How long streams are served without yielding to the event loop, in milliseconds. */
const SLICE_MS = 5;
/** The interval at which an idle stream checks its account and its bookmark, in milliseconds. */
const TICK_MS = 1000;

interface Stream {
  readonly account: string;
  serve(): boolean;
  notify(what: string, notice: Notice): void;
  tick(now: number): void;
  lag(): number;
  end(why: End): void;
}

/**
 * Creates the scheduler of all streams: round-robin in time slices, so that neither many nor slow streams
 * delay the rest of the service.
 */
export function createStreams(parts: StreamsParts): Streams {
  const { log, service, isCurrent, perAccount, bookmarkMs, failed } = parts;
  const streams = new Set<Stream>();
  const perName = new Map<string, number>();
  const due = new Set<Stream>();
  /** The notices for operators who open a stream later, by topic. */
  const standingNotices = new Map<string, Notice>();
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

  /** The control messages before the first event, and the sequence after which events are sent. */
  function beginning(
    caller: Caller,
    { since, snapshot, view, filter }: StreamRequest,
  ): { first: Iterator<Control>; after: number } {
    const [oldest, newest] = [log.oldest(), log.newest()];
    const present = (): Iterator<Control> => {
      const isChosen = ({ uuid }: DiskView): boolean => filter.disks?.has(uuid) ?? true;
      if (view) return snapshotOf({ view, disks: service.listDetails(caller).filter(isChosen) }, newest);
      return snapshotOf({ view, disks: service.list(caller).filter(isChosen) }, newest);
    };
    // A sequence beyond the newest is from another log: the store was replaced or restored.
    const lost = since !== undefined && since !== 0 && (since + 1 < oldest || since > newest);
    if (lost) return { first: after({ control: 'resync', sequence: oldest }, present()), after: newest };
    if (snapshot) return { first: present(), after: newest };
    if (since === undefined) {
      return { first: [{ control: 'bookmark', sequence: newest } as const].values(), after: newest };
    }
    return { first: [].values(), after: since === 0 ? oldest - 1 : since };
  }

  /**
   * Sends a notice to all streams of operators; `later` is the one for streams opened later, undefined: none.
   */
  function notify(what: string, notice: Notice, later: Notice | undefined): void {
    if (later) standingNotices.set(what, later);
    else standingNotices.delete(what);
    for (const stream of streams) stream.notify(what, notice);
  }

  const hasRoom = (account: string): boolean => (perName.get(account) ?? 0) < perAccount;

  function open(caller: Caller, request: StreamRequest, sink: Sink): Subscription {
    if (!hasRoom(caller.account)) {
      sink.end('limit');
      return { writable() {}, closed() {} };
    }
    const { first, after } = beginning(caller, request);
    const { account } = caller;
    let opening = first.next();
    // Of each topic only the newest notice.
    const pendingNotices = new Map(caller.role === 'user' ? [] : standingNotices);
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
      const sight = visibilityIn(caller, request.filter, event);
      return sight === 'nothing' || sink.event(event, sight);
    }

    /** Sends what it can. Returns whether there is more to send at once. */
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
        for (const [what, notice] of pendingNotices) {
          pendingNotices.delete(what);
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
        pendingNotices.set(what, notice);
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
