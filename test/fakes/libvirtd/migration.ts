// The live migration of a fake machine from one fake libvirtd to another, step by step, and every way in which real ones were
// seen to fail in the middle. The two hosts see one file system.
import { END, setState } from './lifecycle.ts';
import { isRunning, type FakeVm } from './vm.ts';
import type { FakeVms } from './vms.ts';

export interface MigrationOptions {
  /** The machine gets a definition at its destination (--persistent). */
  persistent?: boolean;
  /** And loses that at its source (--undefinesource). */
  undefineSource?: boolean;
}

/**
 * QEMU is starting at the destination; memory is copied; the source has stopped, given up its images, and the destination has not
 * gone on; the destination runs; the source knows it.
 */
const PHASES = ['preparing', 'copying', 'switching', 'landed', 'over'] as const;
export type Phase = (typeof PHASES)[number];

export type MigrationFailure =
  /** The job was aborted, or QEMU was killed at the destination. */
  | 'aborted'
  | 'client-killed'
  | 'source-daemon-killed'
  | 'destination-daemon-killed'
  /** The source gives up waiting; the destination knows nothing of it until it is awake again. */
  | 'destination-stalled'
  | 'incoming-destroyed'
  | 'network-cut'
  /** The only copy dies, or before the switch-over was done, the one that has given up its images. */
  | 'source-killed'
  | 'source-destroyed';

export interface Migration {
  readonly phase: Phase | 'failed';
  /** Goes on to `phase`, by every step before it. */
  to(phase: Phase): void;
  /** Ends it where it is. */
  fail(how: MigrationFailure): void;
  /** A destination that was stalled goes on where it was: after a failure that it did not hear of. */
  wake(): void;
}

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
  /** Of a destination that sleeps through the end: the source goes on and holds an image. */
  let isLocked = false;
  let phase: Migration['phase'] = 'preparing';
  to.begin(incoming, source.disks, 'startingUp');
  incoming.imagesFree = true;

  function define(): void {
    if (!persistent) return;
    // Of a machine that has no definition, the running one becomes it, plugged disks included.
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
      // QEMU was started at the destination with what the source had when the migration began: what the guest has let go of since is
      // there again. What it was asked to let go of it still knows.
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

  /** The source goes on if it had stopped; if it had not, nothing is told of it. */
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
    // The source's stream has nobody who looks whether the other end lives: one that has stopped stays so.
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
