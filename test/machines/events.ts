import type { AttachmentEvent } from '../../machines/attachment-events.ts';
import type { DiskEvent } from '../../machines/disk-events.ts';
import type { Patience } from '../../machines/stamp.ts';
import type { Vm } from '../../machines/vm.ts';

export const patience: Patience = {
  creating: 60_000,
  deleting: 60_000,
  growing: 60_000,
  wiping: 60_000,
  attaching: 30_000,
  detaching: 30_000,
  claiming: 86_400_000,
};
export const stamp = { now: 1_000_000, time: 1_000_000, patience };
export const DISK = 'eb198dec-3560-4a9a-b3b4-5f043410a3dd';

export const vmOf = (name: string, domain: string | null = `${name}-domain`): Vm => ({
  host: 'onehost-1',
  node: 'qemu:///system',
  names: [name, `one-${name}`],
  domain,
});

export const birthOn = (id: string, vm: Vm) => ({
  id,
  disk: DISK,
  node: 'onehost-1',
  vmId: vm.names[0] ?? '',
  vm,
  by: 'alice',
});

const disk = {
  uuid: DISK,
  owner: 'alice',
  tag: 'data',
  visibility: 'private' as const,
  sizeGiB: 2,
  limit: 2,
};
const problem = { code: 'VOLUME_FAILED' as const, detail: 'EIO' };
const growth = { sizeGiB: 4, roomGiB: 10, quotaGiB: 10, attaching: false };
const allTaken = [...'abcdefghijklmnopqrstuvwxyz'].map(letter => `vd${letter}`);

/** One of every message, in every shape that a guard tells apart. */
export const diskEvents: DiskEvent[] = [
  { type: 'CREATE' as const, ...disk, roomGiB: 10, quotaLeft: { disks: 1, sizeGiB: 2 } },
  { type: 'CREATE' as const, ...disk, roomGiB: 10, quotaLeft: { disks: 1, sizeGiB: 2 }, repeatable: true },
  { type: 'CREATE' as const, ...disk, roomGiB: 1, quotaLeft: { disks: 1, sizeGiB: 2 } },
  { type: 'CREATE' as const, ...disk, roomGiB: 10, quotaLeft: { disks: 0, sizeGiB: 2 } },
  { type: 'CREATE' as const, ...disk, roomGiB: 10, quotaLeft: { disks: 1, sizeGiB: 1 } },
  ...[1, 2, 3, 4].flatMap(attempt => [
    { type: 'VOLUME_MADE' as const, attempt },
    { type: 'VOLUME_FAILED' as const, attempt, problem },
    { type: 'VOLUME_REMOVED' as const, attempt },
    { type: 'REMOVE_FAILED' as const, attempt, problem },
    { type: 'GROWN' as const, attempt },
    { type: 'NOT_GROWN' as const, attempt, problem },
    { type: 'GROW_PENDING' as const, attempt, problem },
    { type: 'WIPED' as const, attempt, bytes: 2 ** 30, of: 2 ** 31 },
    { type: 'WIPED' as const, attempt, bytes: 2 ** 31, of: 2 ** 31 },
    { type: 'WIPE_FAILED' as const, attempt, problem },
  ]),
  { type: 'HOTATTACH' as const, ...birthOn('a', vmOf('1')), taken: [] },
  { type: 'HOTATTACH' as const, ...birthOn('b', vmOf('2')), taken: ['vda'] },
  { type: 'HOTATTACH' as const, ...birthOn('c', vmOf('3')), taken: [] },
  { type: 'HOTATTACH' as const, ...birthOn('c', vmOf('3')), taken: allTaken },
  { type: 'ATTACH' as const, ...birthOn('d', vmOf('1', null)) },
  { type: 'ATTACH' as const, ...birthOn('e', vmOf('4', null)) },
  { type: 'ATTACH' as const, ...birthOn('f', vmOf('5', null)) },
  ...['a', 'b', 'd', 'e', 'f'].map(attachment => ({ type: 'RELEASED' as const, attachment })),
  { type: 'MOVED' as const, attachment: 'a', vm: { ...vmOf('1'), node: 'qemu+tcp://two/system' } },
  { type: 'SET_LIMIT' as const, limit: 1 },
  { type: 'DELETE' as const, wipe: false },
  { type: 'DELETE' as const, wipe: true },
  { type: 'GROW' as const, ...growth },
  { type: 'GROW' as const, ...growth, sizeGiB: 2 },
  { type: 'GROW' as const, ...growth, attaching: true },
  { type: 'GROW' as const, ...growth, quotaGiB: 1 },
  { type: 'GROW' as const, ...growth, roomGiB: 1 },
  { type: 'EDIT' as const, tag: 'b', stale: false },
  { type: 'EDIT' as const, stale: false },
  { type: 'EDIT' as const, stale: true },
  { type: 'DELETE' as const, wipe: false, stale: true },
  { type: 'RETRY' as const },
  { type: 'TIMEOUT' as const },
  { type: 'RESUME' as const },
].map(event => ({ ...event, ...stamp }));

const plugProblem = { code: 'PLUG_UNKNOWN' as const, detail: 'connection lost' };

export const attachmentEvents: AttachmentEvent[] = [
  { type: 'HOTATTACH' as const, ...birthOn('a', vmOf('1')), target: 'vda', shareable: false },
  { type: 'ATTACH' as const, ...birthOn('a', vmOf('1', null)), shareable: false },
  ...[1, 2, 3].flatMap(attempt => [
    { type: 'PLUGGED' as const, attempt },
    { type: 'PLUG_REFUSED' as const, attempt, problem: plugProblem },
    { type: 'PLUG_UNKNOWN' as const, attempt, problem: plugProblem },
    { type: 'UNPLUGGED' as const, attempt },
    { type: 'KEPT' as const, attempt, problem: plugProblem },
    { type: 'UNPLUG_FAILED' as const, attempt, problem: plugProblem },
  ]),
  { type: 'HOTDETACH' as const },
  { type: 'DETACH' as const, machine: 'running' as const, held: [DISK], doubt: '' },
  { type: 'DETACH' as const, machine: 'unknown' as const, held: [], doubt: 'silent' },
  { type: 'DETACH' as const, machine: 'gone' as const, held: [], doubt: '' },
  { type: 'DETACH' as const, machine: 'running' as const, held: [], doubt: '' },
  { type: 'PROMISE' as const, target: null, taken: [] },
  { type: 'PROMISE' as const, target: 'vdc', taken: ['vdc'] },
  { type: 'PROMISE' as const, target: null, taken: allTaken },
  { type: 'DEVICE_GONE' as const },
  { type: 'MACHINE_DEAD' as const },
  { type: 'MACHINE_AWAY' as const },
  { type: 'MOVED' as const, vm: { ...vmOf('1'), node: 'qemu+tcp://two/system' } },
  { type: 'FORGET' as const },
  { type: 'TIMEOUT' as const },
  { type: 'RESUME' as const },
].map(event => ({ ...event, ...stamp }));
