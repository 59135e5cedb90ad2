// What libvirt's lifecycle events mean for the disks of a VM, each as observed with libvirt 9.0 and QEMU 7.2.
// Do not order events of two hosts by arrival: in a migration they arrive within a few hundred milliseconds.
import type { RunEnd } from '../../machines/vm-location.ts';
import * as libvirt from '../libvirt/constants.ts';
import type { DomainEvent } from '../libvirt/domain.ts';

/** A lifecycle change of a domain on one node. */
export type Turn =
  /** It runs here: started, restored, resumed, arrived by migration, or its migration to elsewhere failed. */
  | { readonly kind: 'running' }
  /** The switch-over of its migration has begun: it is paused here, and continues on one of the two hosts. */
  | { readonly kind: 'switching' }
  | { readonly kind: 'saved' }
  | { readonly kind: 'migrated' }
  /** It ended, if it ran here: the same event also comes for the incoming copy of a migration that failed. */
  | { readonly kind: 'ended'; readonly how: RunEnd['how'] }
  /** Its definition has changed; whether it runs has not. */
  | { readonly kind: 'defined' }
  /** Look at it: the event does not tell whether it runs here, or an incoming copy has started. */
  | { readonly kind: 'changed' };

const ENDS: ReadonlyMap<number, RunEnd['how']> = new Map([
  [libvirt.STOPPED_SHUTDOWN, 'shutdown'],
  [libvirt.STOPPED_DESTROYED, 'destroyed'],
  [libvirt.STOPPED_CRASHED, 'crashed'],
  [libvirt.STOPPED_FAILED, 'failed'],
]);

function stop(detail: number): Turn {
  if (detail === libvirt.STOPPED_SAVED) return { kind: 'saved' };
  if (detail === libvirt.STOPPED_MIGRATED) return { kind: 'migrated' };
  const how = ENDS.get(detail);
  // A revert to a snapshot, or a detail that a newer libvirt has added: neither proves an end.
  return how === undefined ? { kind: 'changed' } : { kind: 'ended', how };
}

/** The lifecycle change that an event reports; undefined if it reports none. */
export function turnOf(event: DomainEvent): Turn | undefined {
  if (event.type !== 'lifecycle') return undefined;
  switch (event.event) {
    case libvirt.LIFECYCLE_DEFINED:
      return { kind: 'defined' };
    case libvirt.LIFECYCLE_STOPPED:
      return stop(event.detail);
    case libvirt.LIFECYCLE_STARTED:
      // The incoming copy of a migration is paused until the switch-over, and has all disks of its
      // definition, also those that are unplugged at the source meanwhile.
      return { kind: event.detail === libvirt.STARTED_MIGRATED ? 'changed' : 'running' };
    case libvirt.LIFECYCLE_RESUMED:
      return { kind: 'running' };
    case libvirt.LIFECYCLE_SUSPENDED:
      return event.detail === libvirt.SUSPENDED_MIGRATED || event.detail === libvirt.SUSPENDED_POSTCOPY
        ? { kind: 'switching' }
        : undefined;
    default:
      return undefined;
  }
}

const PAUSED_ON_THE_WAY: ReadonlySet<number> = new Set([
  libvirt.PAUSED_MIGRATION,
  libvirt.PAUSED_STARTING_UP,
  libvirt.PAUSED_POSTCOPY,
]);

/** Whether an active domain is paused during a migration or its start: it may continue on another host. */
export const isMoving = ({ state, reason }: { state: number; reason: number }): boolean =>
  state === libvirt.STATE_PAUSED && PAUSED_ON_THE_WAY.has(reason);

const OFF: ReadonlyMap<number, RunEnd['how']> = new Map([
  [libvirt.SHUTOFF_SHUTDOWN, 'shutdown'],
  [libvirt.SHUTOFF_DESTROYED, 'destroyed'],
  [libvirt.SHUTOFF_CRASHED, 'crashed'],
]);

/**
 * How a domain ended that is shut off; undefined if its state does not tell. A failed start is no end: the
 * domain may still have a save image.
 */
export const endOf = ({ state, reason }: { state: number; reason: number }): RunEnd['how'] | undefined =>
  state === libvirt.STATE_SHUTOFF ? OFF.get(reason) : undefined;
