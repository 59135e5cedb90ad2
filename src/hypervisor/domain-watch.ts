import {
  LIFECYCLE_STARTED,
  LIFECYCLE_STOPPED,
  STOPPED_CRASHED,
  STOPPED_DESTROYED,
  STOPPED_FAILED,
  STOPPED_MIGRATED,
  STOPPED_SAVED,
  STOPPED_SHUTDOWN,
} from '../libvirt/constants.ts';
import type { DomainEvent } from '../libvirt/domain.ts';
import type { StopKind } from './hypervisor.ts';
import type { Links } from './links.ts';

/** Details that a newer libvirt may add are no proof of anything. */
const STOP_KINDS: ReadonlyMap<number, StopKind> = new Map([
  [STOPPED_SHUTDOWN, 'dead'],
  [STOPPED_DESTROYED, 'dead'],
  [STOPPED_CRASHED, 'dead'],
  [STOPPED_FAILED, 'dead'],
  [STOPPED_SAVED, 'saved'],
  [STOPPED_MIGRATED, 'migrated'],
]);

/** Why a domain stopped, if this event says that it did. */
export function stopKindOf(event: DomainEvent): StopKind | undefined {
  if (event.type !== 'lifecycle' || event.event !== LIFECYCLE_STOPPED) return undefined;
  return STOP_KINDS.get(event.detail);
}

export const isStart = (event: DomainEvent): boolean =>
  event.type === 'lifecycle' && event.event === LIFECYCLE_STARTED;

/** What is heard of one device of one domain while an operation is at work. */
export interface DomainWatch {
  /** DEVICE_REMOVED has come. */
  readonly removed: boolean;
  /** The guest has refused a request to let go. */
  readonly refused: boolean;
  /** How the domain ended, if it did. */
  readonly stopped: StopKind | undefined;
  /** Resolves with the next event, at once if there was one since the last call. */
  next(): Promise<void>;
  end(): void;
}

interface Bell {
  readonly rung: Promise<void>;
  ring(): void;
  hasRung: boolean;
}

function newBell(): Bell {
  let resolve = (): void => {};
  const rung = new Promise<void>(done => {
    resolve = done;
  });
  const bell: Bell = {
    rung,
    hasRung: false,
    ring() {
      bell.hasRung = true;
      resolve();
    },
  };
  return bell;
}

/**
 * Listens from now on. To be set up before the call that causes the events: they can overtake its answer, for they come over
 * another connection.
 */
export function watchDomain(links: Links, node: string, uuid: string, alias: string): DomainWatch {
  let removed = false;
  let refused = false;
  let stopped: StopKind | undefined;
  let bell = newBell();

  const end = links.onEvent((from, event) => {
    if (from !== node || event.domain.uuid !== uuid) return;
    const kind = stopKindOf(event);
    if (kind === undefined && (event.type === 'lifecycle' || event.alias !== alias)) return;
    stopped = kind ?? stopped;
    removed ||= event.type === 'device-removed';
    refused ||= event.type === 'device-removal-failed';
    bell.ring();
  });

  return {
    get removed() {
      return removed;
    },
    get refused() {
      return refused;
    },
    get stopped() {
      return stopped;
    },
    next() {
      const { rung, hasRung } = bell;
      if (hasRung) bell = newBell();
      return rung;
    },
    end,
  };
}
