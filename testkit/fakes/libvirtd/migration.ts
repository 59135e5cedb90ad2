// The live migration of a fake VM from one fake libvirtd to another, step by step, with every kind of failure
// that was observed in real migrations. The two hosts share one file system.
import { END, setState } from './lifecycle.ts';
import { type FakeVm, isRunning } from './vm.ts';
import type { FakeVms } from './vms.ts';

/** Flags of virDomainMigrate. */
export interface MigrationOptions {
  /** Whether the VM gets a definition at the destination (--persistent). */
  persistent?: boolean;
  /** Whether its definition is removed at the source (--undefinesource). */
  undefineSource?: boolean;
}

/**
 * `preparing`: QEMU starts at the destination. `copying`: memory is copied. `switching`: the source has
 * stopped and released its images, and the destination does not run yet. `landed`: the destination runs.
 * `over`: the source knows that.
 */
const PHASES = ['preparing', 'copying', 'switching', 'landed', 'over'] as const;
export type Phase = (typeof PHASES)[number];

/** What ends a migration before `over`. */
export type MigrationFailure =
  /** The job is aborted, or QEMU is killed at the destination. */
  | 'aborted'
  | 'client-killed'
  | 'source-daemon-killed'
  | 'destination-daemon-killed'
  /**
   * The source stops waiting for a destination that hangs, and that learns of the failure only after `wake`.
   */
  | 'destination-stalled'
  | 'incoming-destroyed'
  | 'network-cut'
  /**
   * The source ends: before the switch-over it is the only copy; in it, it has already released its images.
   */
  | 'source-killed'
  | 'source-destroyed';

/** A migration in progress. */
export interface Migration {
  readonly phase: Phase | 'failed';
  /** Continues to `phase`, through every phase before it. */
  to(phase: Phase): void;
  /** Ends the migration in its current phase. */
  fail(how: MigrationFailure): void;
  /**
   * A destination that hung continues in the phase in which it was, after the failure `destination-stalled`.
   */
  wake(): void;
}

/** Begins the migration of `source` from one host to the other; throws if it runs at the destination. */
export function fakeMigration(
  from: FakeVms,
  to: FakeVms,
  source: FakeVm,
  { persistent = false, undefineSource = false }: MigrationOptions,
): Migration {
  const incoming = to.host(source);
  if (isRunning(incoming)) throw new Error(`${source.name} runs at its destination already`);
  const wasDefined = incoming.persistent;
  const free = to.hold(source.uuid);
  const ends = [from.hold(source.uuid), free];
  /** With `destination-stalled`: whether the source runs again and holds the lock of an image. */
  let isLocked = false;
  let phase: Migration['phase'] = 'preparing';
  to.begin(incoming, source.disks, 'startingUp');
  incoming.imagesFree = true;

  function define(): void {
    if (!persistent) return;
    // For a transient VM, the live XML becomes the definition, with all plugged disks.
    incoming.coldDisks = (source.persistent ? source.coldDisks : incoming.disks).map(disk => ({ ...disk }));
    incoming.persistent = true;
    to.tell(incoming, wasDefined ? 'definedUpdated' : 'definedAdded');
  }

  function land(): void {
    define();
    incoming.imagesFree = false;
    setState(incoming, 'migrated');
    to.tell(incoming, 'resumedMigrated');
    free();
  }

  function leave(): void {
    if (undefineSource) source.persistent = false;
    from.halt(source, END.migrated);
  }

  const steps: Record<Phase, () => void> = {
    preparing: () => undefined,
    copying() {
      setState(incoming, 'migrating');
      to.tell(incoming, 'startedMigrated');
    },
    switching() {
      // QEMU was started at the destination with the disks that the source had when the migration began: a
      // disk that the guest has released since is there again. Pending unplug requests are part of the
      // migrated state.
      incoming.pending = new Set(source.pending);
      source.imagesFree = true;
      setState(source, 'migrating');
      from.tell(source, 'suspendedMigrated');
    },
    landed: land,
    over: leave,
  };

  function over(last: 'over' | 'failed'): void {
    phase = last;
    for (const end of ends) end();
  }

  /** The source runs again if it had stopped for the switch-over; otherwise it has no event. */
  function goOn(): void {
    if (phase !== 'switching') return;
    source.imagesFree = false;
    setState(source, 'migrationCanceled');
    from.tell(source, 'resumedMigrated');
  }

  const failures: Record<MigrationFailure, () => void> = {
    aborted() {
      to.halt(incoming, END.givenUp);
      goOn();
    },
    'client-killed'() {
      to.end(incoming, END.destroyed);
      goOn();
    },
    'source-daemon-killed'() {
      to.halt(incoming, END.givenUp);
      source.imagesFree = false;
      setState(source, 'migrationCanceled');
    },
    'destination-daemon-killed'() {
      to.vanish(incoming, 'offUnknown');
      goOn();
    },
    'destination-stalled'() {
      isLocked = source.disks.some(
        disk => !disk.shareable && !disk.readonly && !source.dropped.has(disk.alias),
      );
      goOn();
    },
    'incoming-destroyed'() {
      to.end(incoming, END.destroyed);
      goOn();
    },
    // The source does not detect that the other end is gone: if it has stopped, it stays stopped.
    'network-cut': () => to.end(incoming, END.destroyed),
    'source-killed'() {
      from.end(source, END.killed);
      endWithoutSource();
    },
    'source-destroyed'() {
      from.end(source, END.destroyed);
      endWithoutSource();
    },
  };

  function endWithoutSource(): void {
    if (phase === 'switching') land();
    else if (phase !== 'landed') to.halt(incoming, END.givenUp);
  }

  return {
    get phase() {
      return phase;
    },
    to(wanted) {
      while (phase !== wanted) {
        const next = phase === 'failed' ? undefined : PHASES[PHASES.indexOf(phase) + 1];
        if (next === undefined) throw new Error(`a migration that is ${phase} does not come to ${wanted}`);
        steps[next]();
        phase = next;
      }
      if (phase === 'over') over('over');
    },
    fail(how) {
      const sourceDies = how === 'source-killed' || how === 'source-destroyed';
      if (phase === 'over' || phase === 'failed' || (phase === 'landed' && !sourceDies)) {
        throw new Error(`a migration that is ${phase} does not fail any more`);
      }
      failures[how]();
      over('failed');
    },
    wake() {
      if (!isLocked) {
        land();
        return;
      }
      define();
      to.halt(incoming, END.givenUp);
    },
  };
}
