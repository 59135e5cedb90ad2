import { type AnyMachineSnapshot, type ContextFrom, createActor } from 'xstate';
import type { attachmentMachine } from '../../../machines/attachment.ts';
import type { AttachmentMessage } from '../../../machines/attachment-events.ts';
import { diskMachine } from '../../../machines/disk.ts';
import type { DiskMessage, VmNow } from '../../../machines/disk-events.ts';
import { birthOn, DISK, stamp, timeouts, vmFacts, vmOf } from './events.ts';

type Chart = typeof diskMachine | typeof attachmentMachine;

/**
 * Hooks of the mutation run: `machineOf` picks the machine to play for a chart (the chart itself or a
 * mutant), `onSent` reports each event with the states before and after it.
 */
export const playHooks = {
  machineOf: (chart: Chart): Chart => chart,
  onSent: (_chart: string, _state: string, _event: string, _next: string): void => {},
};

/** A running actor of a chart that records its notes. */
export function play<Played extends Chart>(chart: Played) {
  const notes: unknown[] = [];
  const note = (kind: string) => (_: unknown, params: unknown) => notes.push({ [kind]: params ?? true });
  const effects = ['createVolume', 'resizeVolume', 'wipeVolume', 'deleteVolume', 'plug', 'unplug'].map(
    name => [name, note(name)],
  );
  const actions = {
    refuse: note('refuse'),
    answer: note('answer'),
    tell: note('tell'),
    publish: note('publish'),
    ...Object.fromEntries(effects),
  };
  const actor = createActor((playHooks.machineOf(chart) as typeof diskMachine).provide({ actions }));
  // Without an observer XState throws errors of guards and actions in a timer.
  actor.subscribe({ error: () => {} });
  actor.start();
  const stateNow = () => String(actor.getSnapshot().value);
  return {
    send(event: DiskMessage | AttachmentMessage, now = stamp.now) {
      notes.length = 0;
      const state = stateNow();
      (actor.send as (event: unknown) => void)({ ...event, now, time: now, timeouts });
      const { error } = actor.getSnapshot();
      if (error) throw error;
      playHooks.onSent(chart.id, state, event.type, stateNow());
      return { state: stateNow(), notes: [...notes] };
    },
    /** Whether the chart has a transition for the event in the present state, be it a no-op. */
    hears: (event: DiskMessage | AttachmentMessage) =>
      (actor.getSnapshot() as AnyMachineSnapshot).can({ ...event, ...stamp }),
    context: () => actor.getSnapshot().context as unknown as ContextFrom<Played>,
  };
}

/** A disk of 1 GiB whose creation, attempt 1, has succeeded. */
export function availableDisk(limit: number) {
  const disk = play(diskMachine);
  const birth = { uuid: DISK, owner: 'alice', tag: '', visibility: 'private' as const, sizeGiB: 1, limit };
  disk.send({ type: 'CREATE', ...birth, roomGiB: 1, quotaLeft });
  disk.send({ type: 'VOLUME_CREATED', attempt: 1 });
  return disk;
}

/** Enough quota for one disk of 1 GiB. */
export const quotaLeft = { disks: 1, sizeGiB: 1 };

/** A request to plug the disk into a VM of that name. */
export const hotattach = (id: string, vm = vmOf(id)): DiskMessage & { type: 'HOTATTACH' } & VmNow => ({
  type: 'HOTATTACH',
  ...birthOn(id, vm),
  ...vmFacts,
});

/** The notes of a refusal. */
export const refused = (code: string) => [{ refuse: { code } }];
