// What libvirt's lifecycle events mean for a machine's disks, each as seen on libvirt 9.0 with QEMU 7.2. Events of two hosts must not
// be ordered by their arrival: in a migration they come within a few hundred milliseconds.
import type { RunEnd } from '../../machines/whereabouts.ts';
import * as libvirt from '../libvirt/constants.ts';
import type { DomainEvent } from '../libvirt/domain.ts';

export type Turn =
  /** It runs here now: it was started, restored or resumed, or it landed here; or its migration failed and it goes on here. */
  | { readonly kind: 'running' }
  /** Its switch-over has begun: it is paused here, and goes on on one of two hosts. */
  | { readonly kind: 'switching' }
  | { readonly kind: 'saved' }
  | { readonly kind: 'migrated' }
  /** It ended, if it ran here: an incoming copy that is thrown away tells the same. */
  | { readonly kind: 'ended'; readonly how: RunEnd['how'] }
  /** It has another definition now; whether it runs is as before. */
  | { readonly kind: 'defined' }
  /** Something else came to its end here, and may have begun again, or a copy is coming in: look. */
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
  // Reverted to a snapshot; and details that a newer libvirt may add are no proof of anything.
  return how === undefined ? { kind: 'changed' } : { kind: 'ended', how };
}

/** What an event says of where its machine goes; undefined: nothing. */
export function turnOf(event: DomainEvent): Turn | undefined {
  if (event.type !== 'lifecycle') return undefined;
  switch (event.event) {
    case libvirt.LIFECYCLE_DEFINED:
      return { kind: 'defined' };
    case libvirt.LIFECYCLE_STOPPED:
      return stop(event.detail);
    case libvirt.LIFECYCLE_STARTED:
      // A copy that comes in is paused until it lands, and has its disks whatever becomes of them at its source.
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

/** Whether an active domain is paused in the middle of a migration or of its start: it may yet go on on another host. */
export const isMoving = ({ state, reason }: { state: number; reason: number }): boolean =>
  state === libvirt.STATE_PAUSED && PAUSED_ON_THE_WAY.has(reason);

const OFF: ReadonlyMap<number, RunEnd['how']> = new Map([
  [libvirt.SHUTOFF_SHUTDOWN, 'shutdown'],
  [libvirt.SHUTOFF_DESTROYED, 'destroyed'],
  [libvirt.SHUTOFF_CRASHED, 'crashed'],
]);

/** How a domain ended that is shut off, if its state tells an end. A failed start is none: it may be saved still. */
export const endOf = ({ state, reason }: { state: number; reason: number }): RunEnd['how'] | undefined =>
  state === libvirt.STATE_SHUTOFF ? OFF.get(reason) : undefined;
