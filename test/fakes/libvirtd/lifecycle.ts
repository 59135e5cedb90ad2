// What libvirt 9.0.0 tells of a machine's life: events, and states with their reasons (virDomainEventType, virDomainState).
import type { DomainEvent } from '../../../src/libvirt/domain.ts';
import { domainOf, type Machine } from './machine.ts';

type Code = readonly [event: number, detail: number];

export const EVENT = {
  definedAdded: [0, 0],
  definedUpdated: [0, 1],
  definedFromSnapshot: [0, 3],
  undefined: [1, 0],
  startedBooted: [2, 0],
  startedMigrated: [2, 1],
  startedRestored: [2, 2],
  startedFromSnapshot: [2, 3],
  suspendedPaused: [3, 0],
  suspendedMigrated: [3, 1],
  resumedUnpaused: [4, 0],
  resumedMigrated: [4, 1],
  resumedFromSnapshot: [4, 2],
  stoppedShutdown: [5, 0],
  stoppedDestroyed: [5, 1],
  stoppedCrashed: [5, 2],
  stoppedMigrated: [5, 3],
  stoppedSaved: [5, 4],
  stoppedFailed: [5, 5],
  stoppedFromSnapshot: [5, 6],
  shutdownGuest: [6, 1],
  shutdownHost: [6, 2],
  crashedPanicked: [8, 0],
} as const satisfies Record<string, Code>;

export type Told = keyof typeof EVENT;

/** State and reason. */
export const STATE = {
  booted: [1, 1],
  migrated: [1, 2],
  restored: [1, 3],
  fromSnapshot: [1, 4],
  unpaused: [1, 5],
  migrationCanceled: [1, 6],
  paused: [3, 1],
  migrating: [3, 2],
  startingUp: [3, 11],
  offUnknown: [5, 0],
  offShutdown: [5, 1],
  offDestroyed: [5, 2],
  offCrashed: [5, 3],
  offMigrated: [5, 4],
  offSaved: [5, 5],
  offFailed: [5, 6],
  offFromSnapshot: [5, 7],
} as const;

export type State = keyof typeof STATE;

export function setState(machine: Machine, state: State): void {
  [machine.state, machine.reason] = STATE[state];
}

export const isIn = ({ state, reason }: Machine, wanted: State): boolean =>
  state === STATE[wanted][0] && reason === STATE[wanted][1];

/** Tells of a machine as it is now. */
export type Tell = (machine: Machine, ...told: (Told | Code)[]) => void;

export function teller(emit: (event: DomainEvent) => void): Tell {
  return (machine, ...told) => {
    for (const one of told) {
      const [event, detail] = typeof one === 'string' ? EVENT[one] : one;
      emit({ type: 'lifecycle', domain: domainOf(machine), event, detail });
    }
  };
}

/** How a run ends: what is told, what of it comes before its end, and what state is left. */
export interface End {
  readonly before: readonly Told[];
  readonly told: Told | Code;
  readonly state: State;
}

export const END = {
  shutdown: { before: ['shutdownGuest'], told: 'stoppedShutdown', state: 'offShutdown' },
  destroyed: { before: ['shutdownHost'], told: 'stoppedDestroyed', state: 'offDestroyed' },
  /** The guest panicked, and its machine is not to go on. */
  crashed: { before: ['crashedPanicked'], told: 'stoppedCrashed', state: 'offCrashed' },
  migrated: { before: [], told: 'stoppedMigrated', state: 'offMigrated' },
  saved: { before: ['suspendedPaused'], told: 'stoppedSaved', state: 'offSaved' },
  /** QEMU was killed. */
  killed: { before: [], told: 'stoppedFailed', state: 'offCrashed' },
  /** A copy that was coming in has been given up. */
  givenUp: { before: [], told: 'stoppedFailed', state: 'offFailed' },
  reverted: { before: [], told: 'stoppedFromSnapshot', state: 'offFromSnapshot' },
} as const satisfies Record<string, End>;

/** The end that a detail of STOPPED stands for, where a machine ran; one that only a newer libvirt has says no more than itself. */
export function endOf(detail: number): End {
  const { shutdown, destroyed, crashed, migrated, saved, killed, reverted } = END;
  const end = [shutdown, destroyed, crashed, migrated, saved, killed, reverted][detail];
  return end ?? { before: [], told: [EVENT.stoppedFailed[0], detail], state: 'offUnknown' };
}
