import type { AttachmentEvent } from '../../../machines/attachment-events.ts';
import type { DiskEvent } from '../../../machines/disk-events.ts';
import type { Timeouts } from '../../../machines/stamp.ts';
import type { Vm } from '../../../machines/vm.ts';
import type { RunEnd, VmLocation } from '../../../machines/vm-location.ts';

/** The deadlines that every stamp has, in milliseconds. */
export const timeouts: Timeouts = {
  creating: 60_000,
  deleting: 60_000,
  growing: 60_000,
  wiping: 60_000,
  attaching: 30_000,
  detaching: 30_000,
  claiming: 86_400_000,
};
/** The fields that the shell adds to every message: monotonic time, system time, and the deadlines. */
export const stamp = { now: 1_000_000, time: 1_000_000, timeouts };
export const DISK = 'eb198dec-3560-4a9a-b3b4-5f043410a3dd';

/** A VM by the name that requests use; `domain` is null before its launch. */
export const vmOf = (name: string, domain: string | null = `${name}-domain`): Vm => ({
  host: 'onehost-1',
  node: 'qemu:///system',
  names: [name, `one-${name}`],
  domain,
});

/** The fields of a new attachment of `DISK` to a VM. */
export const birthOn = (id: string, vm: Vm) => ({
  id,
  disk: DISK,
  node: 'onehost-1',
  vmId: vm.names[0] ?? '',
  vm,
  by: 'alice',
});

/** The facts about a VM that has no disks and whose node is believed. */
export const vmFacts = { attachments: [], taken: [], isThere: false, holder: null, nodeIsDead: false };

export const RUN = { host: '5e2ccd8a-7a90-4a3a-a3f6-d8a9a4a6a001', id: 7 };

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
const discard = { uuid: DISK, sizeGiB: 2, wipe: true, holders: [], unseen: [], obstacle: null };
const allTaken = [...'abcdefghijklmnopqrstuvwxyz'].map(letter => `vd${letter}`);

/** Every message at least once, in every variant that a guard tells apart. */
export const diskEvents: DiskEvent[] = [
  { type: 'CREATE' as const, ...disk, roomGiB: 10, quotaLeft: { disks: 1, sizeGiB: 2 } },
  { type: 'CREATE' as const, ...disk, roomGiB: 10, quotaLeft: { disks: 1, sizeGiB: 2 }, repeatable: true },
  { type: 'CREATE' as const, ...disk, roomGiB: 1, quotaLeft: { disks: 1, sizeGiB: 2 } },
  { type: 'CREATE' as const, ...disk, roomGiB: 10, quotaLeft: { disks: 0, sizeGiB: 2 } },
  { type: 'CREATE' as const, ...disk, roomGiB: 10, quotaLeft: { disks: 1, sizeGiB: 1 } },
  { type: 'ADOPT' as const, ...disk, created: 1000, obstacle: null },
  { type: 'ADOPT' as const, ...disk, created: 1000, obstacle: 'has no bytes' },
  { type: 'DISCARD' as const, ...discard },
  { type: 'DISCARD' as const, ...discard, wipe: false },
  { type: 'DISCARD' as const, ...discard, holders: ["domain 'one-1' on n1"] },
  { type: 'DISCARD' as const, ...discard, unseen: ['n2'] },
  { type: 'DISCARD' as const, ...discard, obstacle: 'has a snapshot' },
  ...[1, 2, 3, 4].flatMap(attempt => [
    { type: 'VOLUME_CREATED' as const, attempt },
    { type: 'VOLUME_FAILED' as const, attempt, problem },
    { type: 'NOT_BEGUN' as const, attempt, problem },
    { type: 'VOLUME_DELETED' as const, attempt },
    { type: 'REMOVE_FAILED' as const, attempt, problem },
    { type: 'RESIZED' as const, attempt },
    { type: 'NOT_RESIZED' as const, attempt, problem },
    { type: 'RESIZE_PENDING' as const, attempt, problem },
    { type: 'WIPED' as const, attempt, bytes: 2 ** 30, of: 2 ** 31 },
    { type: 'WIPED' as const, attempt, bytes: 2 ** 31, of: 2 ** 31 },
    { type: 'WIPE_FAILED' as const, attempt, problem },
  ]),
  { type: 'HOTATTACH' as const, ...birthOn('a', vmOf('1')), ...vmFacts, attachments: ['a', 'd'] },
  { type: 'HOTATTACH' as const, ...birthOn('b', vmOf('2')), ...vmFacts, attachments: ['b'], taken: ['vda'] },
  { type: 'HOTATTACH' as const, ...birthOn('c', vmOf('3')), ...vmFacts },
  { type: 'HOTATTACH' as const, ...birthOn('c', vmOf('3')), ...vmFacts, taken: allTaken },
  { type: 'HOTATTACH' as const, ...birthOn('c', vmOf('3')), ...vmFacts, isThere: true },
  { type: 'HOTATTACH' as const, ...birthOn('c', vmOf('3')), ...vmFacts, nodeIsDead: true },
  { type: 'HOTATTACH' as const, ...birthOn('c', vmOf('3')), ...vmFacts, holder: 'VM 9 has it' },
  { type: 'ADOPT_USER' as const, ...birthOn('g', vmOf('6')), target: 'vdc', run: RUN, attachments: ['g'] },
  {
    type: 'ADOPT_USER' as const,
    ...birthOn('g', vmOf('1')),
    target: 'vdc',
    run: RUN,
    attachments: ['d', 'g'],
  },
  { type: 'ATTACH' as const, ...birthOn('d', vmOf('1', null)), attachments: ['a', 'd'] },
  { type: 'ATTACH' as const, ...birthOn('e', vmOf('4', null)), attachments: ['e'] },
  { type: 'ATTACH' as const, ...birthOn('f', vmOf('5', null)), attachments: ['f'] },
  { type: 'ATTACH' as const, ...birthOn('f', vmOf('5', null)), attachments: ['f'], disksLeft: 0 },
  { type: 'ATTACH' as const, ...birthOn('f', vmOf('5', null)), attachments: ['f'], mostUsers: 1 },
  ...['a', 'b', 'd', 'e', 'f', 'g'].map(attachment => ({ type: 'RELEASED' as const, attachment })),
  { type: 'MOVED' as const, attachment: 'a' },
  { type: 'SET_LIMIT' as const, limit: 1 },
  { type: 'DELETE' as const, wipe: false, holder: null },
  { type: 'DELETE' as const, wipe: true, holder: null },
  { type: 'DELETE' as const, wipe: true, holder: 'VM 9 has it' },
  { type: 'RESIZE' as const, ...growth },
  { type: 'RESIZE' as const, ...growth, sizeGiB: 2 },
  { type: 'RESIZE' as const, ...growth, attaching: true },
  { type: 'RESIZE' as const, ...growth, quotaGiB: 1 },
  { type: 'RESIZE' as const, ...growth, roomGiB: 1 },
  { type: 'EDIT' as const, tag: 'b', stale: false },
  { type: 'EDIT' as const, stale: false },
  { type: 'EDIT' as const, stale: true },
  { type: 'DELETE' as const, wipe: false, stale: true, holder: null },
  { type: 'RETRY' as const },
  { type: 'TIMEOUT' as const },
  { type: 'RESUME' as const },
].map(event => ({ ...event, ...stamp }));

const HOME = vmOf('1').node;
/** The canonical key of another node than the VM's own. */
export const ELSEWHERE = 'qemu+tcp://two/system';
const elsewhere = { ...vmOf('1'), node: ELSEWHERE, host: 'two' };

/** The ways in which a run may end, as hosts report them. */
export const end = (more: Partial<RunEnd> = {}): RunEnd => ({
  how: 'destroyed',
  node: HOME,
  host: RUN.host,
  watched: RUN.id,
  ...more,
});

/** No host shows the VM, and every host has answered. */
export const nowhere = (more: Partial<VmLocation & { at: 'nowhere' }> = {}): VmLocation => ({
  at: 'nowhere',
  silent: [],
  unread: [],
  end: null,
  over: false,
  defined: [],
  ...more,
});

/** The VM runs on its own node, with the disk. */
export const running = (more: Partial<VmLocation & { at: 'running' }> = {}): VmLocation => ({
  at: 'running',
  vm: vmOf('1'),
  run: RUN,
  disks: [DISK],
  homeIsSilent: false,
  defined: [],
  ...more,
});

const SILENT = ["node 'two' cannot be reached"];

/** The places where a VM may be found. */
export const places: readonly VmLocation[] = [
  running(),
  running({ run: { ...RUN, id: 8 } }),
  running({ disks: [] }),
  running({ disks: [], defined: [DISK] }),
  running({ disks: null }),
  running({ vm: elsewhere }),
  running({ vm: elsewhere, disks: [], homeIsSilent: true }),
  { at: 'moving', node: HOME },
  { at: 'saved' },
  nowhere(),
  nowhere({ silent: SILENT }),
  nowhere({ end: end() }),
  nowhere({ over: true }),
  nowhere({ over: true, defined: [DISK] }),
  nowhere({ end: end(), defined: [DISK] }),
  nowhere({ end: end(), silent: SILENT, unread: [HOME] }),
  nowhere({ end: end(), silent: SILENT }),
  nowhere({ end: end({ watched: null, how: 'crashed' }) }),
  nowhere({ end: end({ watched: null }) }),
  nowhere({ end: end({ watched: null, how: 'failed' }) }),
  nowhere({ end: end({ watched: null, host: 'another host' }) }),
  nowhere({ end: end({ watched: null }), silent: SILENT }),
  nowhere({ end: end({ node: ELSEWHERE }) }),
  nowhere({ end: end({ node: ELSEWHERE }), silent: SILENT, unread: [ELSEWHERE] }),
];
const facts = places.map(found => ({ found, alarm: null }));
const alarmed = places.map(found => ({ found, alarm: '12 of 12 attachments' }));

const held = (found: VmLocation): string[] => (found.at === 'running' ? [...(found.disks ?? [DISK])] : []);
const detaches = (['nobody', 'frontend', 'administrator'] as const).flatMap(authority =>
  facts.map(fact => ({ ...fact, authority, held: held(fact.found) })),
);

const plugProblem = { code: 'PLUG_UNKNOWN' as const, detail: 'connection lost' };

/** Every message of the attachment chart, in every variant that a guard tells apart. */
export const attachmentEvents: AttachmentEvent[] = [
  { type: 'HOTATTACH' as const, ...birthOn('a', vmOf('1')), target: 'vda', shareable: false },
  { type: 'ATTACH' as const, ...birthOn('a', vmOf('1', null)), shareable: false },
  ...[1, 2, 3].flatMap(attempt => [
    { type: 'PLUGGED' as const, attempt, run: RUN },
    { type: 'PLUG_REFUSED' as const, attempt, problem: plugProblem },
    { type: 'PLUG_UNKNOWN' as const, attempt, problem: plugProblem },
    { type: 'UNPLUGGED' as const, attempt },
    { type: 'KEPT' as const, attempt, problem: plugProblem },
    { type: 'UNPLUG_FAILED' as const, attempt, problem: plugProblem },
  ]),
  ...facts.flatMap(fact =>
    [true, false].map(settled => ({ type: 'NOT_RUNNING' as const, attempt: 2, settled, ...fact })),
  ),
  { type: 'ADOPT' as const, ...birthOn('a', vmOf('1')), target: 'vda', shareable: false, run: RUN },
  { type: 'HOTDETACH' as const },
  ...detaches
    .filter(({ authority }) => authority === 'administrator')
    .map(forced => ({ type: 'HOTDETACH' as const, forced })),
  ...detaches.map(detach => ({ type: 'DETACH' as const, ...detach })),
  ...[...facts, ...alarmed].map(fact => ({ type: 'FOUND' as const, ...fact })),
  ...facts.map(fact => ({ type: 'NODE_DEAD' as const, node: HOME, ...fact })),
  { type: 'NODE_DEAD' as const, node: ELSEWHERE, found: nowhere(), alarm: null },
  ...(['switching', 'saved', 'migrated'] as const).map(seen => ({ type: 'LEFT' as const, seen })),
  ...['/pool/overlay', null].map(source => ({ type: 'DIVERTED' as const, source })),
  { type: 'PROMISE' as const, target: null, taken: [] },
  { type: 'PROMISE' as const, target: 'vdc', taken: ['vdc'] },
  { type: 'PROMISE' as const, target: null, taken: allTaken },
  ...['12 of 12 attachments', null].map(alarm => ({ type: 'DEVICE_GONE' as const, alarm, defined: false })),
  { type: 'DEVICE_GONE' as const, alarm: null, defined: true },
  { type: 'FORGET' as const },
  { type: 'TIMEOUT' as const },
  { type: 'RESUME' as const },
].map(event => ({ ...event, ...stamp }));
