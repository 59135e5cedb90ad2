import type { StateValueFrom } from 'xstate';
import { attachmentMachine } from '../../../machines/attachment.ts';
import type { AttachmentMessage } from '../../../machines/attachment-events.ts';
import { diskMachine } from '../../../machines/disk.ts';
import type { DiskMessage } from '../../../machines/disk-events.ts';
import { birthOn, DISK, RUN, running, vmOf } from './events.ts';
import { hotattach, play } from './play.ts';

/** A played disk chart. */
export type PlayedDisk = ReturnType<typeof play<typeof diskMachine>>;
/** A played attachment chart. */
export type PlayedAttachment = ReturnType<typeof play<typeof attachmentMachine>>;

export const problem = { code: 'VOLUME_FAILED' as const, detail: 'EIO' };

/** Registers the disk with a VM. */
export const attach = (id: string) => ({
  type: 'ATTACH' as const,
  ...birthOn(id, vmOf(id, null)),
  attachments: [] as string[],
});
export const growth = { type: 'RESIZE' as const, sizeGiB: 3, roomGiB: 10, quotaGiB: 10, attaching: false };
export const deletion = { type: 'DELETE' as const, wipe: false, holder: null };
export const creation = {
  type: 'CREATE' as const,
  uuid: DISK,
  owner: 'alice',
  tag: 'data',
  visibility: 'private' as const,
  sizeGiB: 1,
  limit: 2,
  roomGiB: 1,
  quotaLeft: { disks: 1, sizeGiB: 1 },
};

/** A disk after these events; results of the pool get the number of the current attempt. */
function disk(...events: DiskMessage[]): PlayedDisk {
  const played = play(diskMachine);
  for (const event of events)
    played.send('attempt' in event ? { ...event, attempt: played.context().attempt } : event);
  return played;
}

const made = { type: 'VOLUME_CREATED' as const, attempt: 0 };
const failed = { type: 'VOLUME_FAILED' as const, attempt: 0, problem };
const wipe = { ...deletion, wipe: true };

/** The limit is 2: a disk with one user takes one more. */
const diskStates = {
  new: () => disk(),
  creating: () => disk(creation),
  available: () => disk(creation, made),
  attached: () => disk(creation, made, attach('1')),
  'hot-attached': () => disk(creation, made, hotattach('1')),
  growing: () => disk(creation, made, growth),
  wiping: () => disk(creation, made, wipe),
  deleting: () => disk(creation, made, deletion),
  failed: () => disk(creation, failed, { type: 'REMOVE_FAILED', attempt: 0, problem }),
} satisfies Record<Exclude<StateValueFrom<typeof diskMachine>, 'deleted'>, () => PlayedDisk>;

/** A disk in each state; where a guard tells two contexts of one state apart, both. */
export const disks = {
  ...diskStates,
  'growing, registered': () => disk(creation, made, attach('1'), growth),
  'growing, plugged': () => disk(creation, made, hotattach('1'), growth),
  'deleting, wiped': () =>
    disk(creation, made, wipe, { type: 'WIPED', attempt: 0, bytes: 2 ** 30, of: 2 ** 30 }),
  'deleting, being undone': () => disk(creation, failed),
};

export const plugProblem = { code: 'PLUG_UNKNOWN' as const, detail: 'connection lost' };

function attachment(...events: AttachmentMessage[]): PlayedAttachment {
  const played = play(attachmentMachine);
  for (const event of events)
    played.send('attempt' in event ? { ...event, attempt: played.context().attempt } : event);
  return played;
}

const plug = { type: 'HOTATTACH' as const, ...birthOn('1', vmOf('1')), target: 'vda', shareable: false };
const register = { type: 'ATTACH' as const, ...birthOn('1', vmOf('1', null)), shareable: false };
const plugged = { type: 'PLUGGED' as const, attempt: 0, run: RUN };
const seen = { type: 'FOUND' as const, found: running(), alarm: null };
const unplug = { type: 'HOTDETACH' as const };

const attachmentStates = {
  new: () => attachment(),
  attaching: () => attachment(plug),
  /** Its VM has been seen with the disk. */
  attached: () => attachment(register, seen),
  'hot-attached': () => attachment(plug, plugged),
  detaching: () => attachment(plug, plugged, unplug),
  unclaimed: () =>
    attachment(plug, plugged, {
      type: 'NODE_DEAD',
      node: vmOf('1').node,
      found: { at: 'nowhere', silent: [], unread: [], end: null, over: false, defined: [] },
      alarm: null,
    }),
} satisfies Record<Exclude<StateValueFrom<typeof attachmentMachine>, 'released'>, () => PlayedAttachment>;

/** An attachment in each state; where a guard tells two contexts of one state apart, both. */
export const attachments = {
  ...attachmentStates,
  'attached, not seen yet': () => attachment(register),
  'detaching, taken back': () => attachment(plug, { type: 'TIMEOUT' }),
};

/** The chart's state for one of the names above. */
export const stateOf = (name: string): string => name.split(',', 1)[0] ?? name;
