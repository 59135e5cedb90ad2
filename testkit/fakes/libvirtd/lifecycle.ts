// libvirt 9.0.0's events (virDomainEventType) and states (virDomainState) over a domain's life.
import * as libvirt from '../../../src/libvirt/constants.ts';
import type { DomainEvent } from '../../../src/libvirt/domain.ts';
import { domainOf, type FakeVm } from './vm.ts';

type Code = readonly [event: number, detail: number];

/** Pairs of event and detail. */
export const EVENT = {
  definedAdded: [libvirt.LIFECYCLE_DEFINED, 0],
  definedUpdated: [libvirt.LIFECYCLE_DEFINED, 1],
  definedFromSnapshot: [libvirt.LIFECYCLE_DEFINED, 3],
  undefined: [libvirt.LIFECYCLE_UNDEFINED, 0],
  startedBooted: [libvirt.LIFECYCLE_STARTED, 0],
  startedMigrated: [libvirt.LIFECYCLE_STARTED, 1],
  startedRestored: [libvirt.LIFECYCLE_STARTED, 2],
  startedFromSnapshot: [libvirt.LIFECYCLE_STARTED, 3],
  suspendedPaused: [libvirt.LIFECYCLE_SUSPENDED, 0],
  suspendedMigrated: [libvirt.LIFECYCLE_SUSPENDED, 1],
  resumedUnpaused: [libvirt.LIFECYCLE_RESUMED, 0],
  resumedMigrated: [libvirt.LIFECYCLE_RESUMED, 1],
  resumedFromSnapshot: [libvirt.LIFECYCLE_RESUMED, 2],
  stoppedShutdown: [libvirt.LIFECYCLE_STOPPED, 0],
  stoppedDestroyed: [libvirt.LIFECYCLE_STOPPED, 1],
  stoppedCrashed: [libvirt.LIFECYCLE_STOPPED, 2],
  stoppedMigrated: [libvirt.LIFECYCLE_STOPPED, 3],
  stoppedSaved: [libvirt.LIFECYCLE_STOPPED, 4],
  stoppedFailed: [libvirt.LIFECYCLE_STOPPED, 5],
  stoppedFromSnapshot: [libvirt.LIFECYCLE_STOPPED, 6],
  shutdownGuest: [libvirt.LIFECYCLE_SHUTDOWN, 1],
  shutdownHost: [libvirt.LIFECYCLE_SHUTDOWN, 2],
  crashedPanicked: [8, 0],
} as const satisfies Record<string, Code>;

export type Told = keyof typeof EVENT;

/** Pairs of state and reason. */
export const STATE = {
  booted: [libvirt.STATE_RUNNING, 1],
  migrated: [libvirt.STATE_RUNNING, 2],
  restored: [libvirt.STATE_RUNNING, 3],
  fromSnapshot: [libvirt.STATE_RUNNING, 4],
  unpaused: [libvirt.STATE_RUNNING, 5],
  migrationCanceled: [libvirt.STATE_RUNNING, 6],
  paused: [libvirt.STATE_PAUSED, 1],
  migrating: [libvirt.STATE_PAUSED, 2],
  startingUp: [libvirt.STATE_PAUSED, 11],
  offUnknown: [libvirt.STATE_SHUTOFF, 0],
  offShutdown: [libvirt.STATE_SHUTOFF, 1],
  offDestroyed: [libvirt.STATE_SHUTOFF, 2],
  offCrashed: [libvirt.STATE_SHUTOFF, 3],
  offMigrated: [libvirt.STATE_SHUTOFF, 4],
  offSaved: [libvirt.STATE_SHUTOFF, 5],
  offFailed: [libvirt.STATE_SHUTOFF, 6],
  offFromSnapshot: [libvirt.STATE_SHUTOFF, 7],
} as const;

export type State = keyof typeof STATE;

export function setState(vm: FakeVm, state: State): void {
  [vm.state, vm.reason] = STATE[state];
}

export const isIn = ({ state, reason }: FakeVm, wanted: State): boolean =>
  state === STATE[wanted][0] && reason === STATE[wanted][1];

/** Emits lifecycle events about a VM, with its current id. */
export type Tell = (vm: FakeVm, ...told: (Told | Code)[]) => void;

/** Emits lifecycle events with `emit`. */
export function teller(emit: (event: DomainEvent) => void): Tell {
  return (vm, ...told) => {
    for (const one of told) {
      const [event, detail] = typeof one === 'string' ? EVENT[one] : one;
      emit({ type: 'lifecycle', domain: domainOf(vm), event, detail });
    }
  };
}

/** The end of a run: the events before it, its own event, and the state afterwards. */
export interface End {
  readonly before: readonly Told[];
  readonly told: Told | Code;
  readonly state: State;
}

/** The ends that libvirt distinguishes. */
export const END = {
  shutdown: { before: ['shutdownGuest'], told: 'stoppedShutdown', state: 'offShutdown' },
  destroyed: { before: ['shutdownHost'], told: 'stoppedDestroyed', state: 'offDestroyed' },
  /** The guest panicked, and the VM is set to end then. */
  crashed: { before: ['crashedPanicked'], told: 'stoppedCrashed', state: 'offCrashed' },
  migrated: { before: [], told: 'stoppedMigrated', state: 'offMigrated' },
  saved: { before: ['suspendedPaused'], told: 'stoppedSaved', state: 'offSaved' },
  /** QEMU was killed. */
  killed: { before: [], told: 'stoppedFailed', state: 'offCrashed' },
  /** The incoming copy of a migration that failed. */
  givenUp: { before: [], told: 'stoppedFailed', state: 'offFailed' },
  reverted: { before: [], told: 'stoppedFromSnapshot', state: 'offFromSnapshot' },
} as const satisfies Record<string, End>;

/** The end with this detail of STOPPED; an unknown detail has only its event. */
export function endOf(detail: number): End {
  const { shutdown, destroyed, crashed, migrated, saved, killed, reverted } = END;
  const end = [shutdown, destroyed, crashed, migrated, saved, killed, reverted][detail];
  return end ?? { before: [], told: [EVENT.stoppedFailed[0], detail], state: 'offUnknown' };
}
