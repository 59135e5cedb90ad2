import type { DomainEvent } from '../libvirt/domain.ts';
import type { Links } from './links.ts';

/** What is heard of one device of one domain while an operation is at work. */
export interface DomainWatch {
  /** DEVICE_REMOVED has come. */
  readonly removed: boolean;
  /** The guest has refused a request to let go. */
  readonly refused: boolean;
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
  let bell = newBell();

  // What becomes of the domain is told by reading it, and so only wakes who waits.
  const isAbout = (event: DomainEvent): boolean =>
    event.domain.uuid === uuid && (event.type === 'lifecycle' || event.alias === alias);

  const end = links.onEvent((from, event) => {
    if (from !== node || !isAbout(event)) return;
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
    next() {
      const { rung, hasRung } = bell;
      if (hasRung) bell = newBell();
      return rung;
    },
    end,
  };
}
