import type { DomainEvent } from '../libvirt/domain.ts';
import type { Links } from './links.ts';

/** The events about one device of one domain while an operation works on it. */
export interface DomainWatch {
  /** Whether DEVICE_REMOVED has arrived. */
  readonly removed: boolean;
  /** Whether the guest has refused a request to unplug. */
  readonly refused: boolean;
  /** Resolves with the next event, or at once if an event has arrived since the last call. */
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
 * Collects events from now on. Call it before the libvirt call that causes them: they arrive over another
 * connection and can overtake the answer of that call.
 */
export function watchDomain(links: Links, node: string, uuid: string, alias: string): DomainWatch {
  let removed = false;
  let refused = false;
  let bell = newBell();

  // A lifecycle event only ends the wait: the caller then reads the state from the domain itself.
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
