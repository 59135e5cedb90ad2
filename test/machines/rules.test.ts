import { attachmentMachine } from '../../machines/attachment.ts';
import { diskMachine } from '../../machines/disk.ts';
import { sameVm } from '../../machines/vm.ts';
import { birthOn, DISK, RUN, vmOf } from './support/events.ts';
import { availableDisk, hotattach, play, quotaLeft, refused } from './support/play.ts';
import { test } from './support/rule.ts';

test('limit: one VM more than the limit is refused, and nothing changes', t => {
  const disk = availableDisk(2);
  disk.send(hotattach('1'));
  disk.send(hotattach('2'));
  const before = disk.context();
  t.deepEqual(disk.send(hotattach('3')).notes, refused('LIMIT_REACHED'));
  t.is(disk.context(), before);
});

test('limit: a released attachment makes room for another', t => {
  const disk = availableDisk(1);
  disk.send(hotattach('1'));
  disk.send({ type: 'RELEASED', attachment: '1' });
  t.is(disk.send(hotattach('2')).state, 'hot-attached');
});

test('limit: a registered VM counts, and registering asks for no limit', t => {
  const disk = availableDisk(1);
  t.is(disk.send({ type: 'ATTACH', ...birthOn('1', vmOf('1', null)), attachments: [] }).state, 'attached');
  t.deepEqual(disk.send(hotattach('2')).notes, refused('LIMIT_REACHED'));
  const over = disk.send({ type: 'ATTACH', ...birthOn('3', vmOf('3', null)), attachments: [] });
  t.deepEqual(over.notes.at(-1), { publish: { type: 'disk.oversubscribed' } });
});

test("limit: registrations are bounded, by the limit where that is higher, and by the account's share of the VM", t => {
  const disk = availableDisk(2);
  const attach = (id: string, bounds: { mostUsers?: number; disksLeft?: number }) =>
    disk.send({ type: 'ATTACH', ...birthOn(id, vmOf(id, null)), attachments: [], ...bounds });
  t.deepEqual(attach('0', { disksLeft: 0 }).notes, refused('TOO_MANY_ON_VM'));
  t.is(attach('1', { mostUsers: 1, disksLeft: 1 }).state, 'attached');
  t.deepEqual(attach('2', { mostUsers: 1 }).notes.length, 1);
  t.is(disk.context().users.length, 2);
  t.deepEqual(attach('3', { mostUsers: 2 }).notes, refused('TOO_MANY_USERS'));
  attach('3', { mostUsers: 3 });
  attach('2', { mostUsers: 2, disksLeft: 0 });
  t.is(disk.context().users.length, 3);
});

test('uniqueness: a VM uses a disk once, under whatever name', t => {
  const disk = availableDisk(3);
  disk.send(hotattach('1', vmOf('7')));
  t.deepEqual(
    disk.send({ ...hotattach('2', vmOf('7')), attachments: ['1'] }).notes,
    refused('ALREADY_ATTACHED'),
  );
  const registered = { type: 'ATTACH' as const, ...birthOn('3', vmOf('one-7', null)), attachments: ['1'] };
  t.deepEqual(disk.send(registered).notes, refused('HOT_PLUGGED'));
});

test('uniqueness: a registered VM cannot have the disk hot-plugged as well', t => {
  const disk = availableDisk(3);
  disk.send({ type: 'ATTACH', ...birthOn('1', vmOf('7', null)), attachments: [] });
  const again = { ...hotattach('2', vmOf('one-7')), attachments: ['1'] };
  t.deepEqual(disk.send(again).notes, refused('ALREADY_ATTACHED'));
});

test('a disk that a live VM has, in whatever way, is neither plugged elsewhere nor deleted', t => {
  const disk = availableDisk(3);
  const holder = "VM 'one-9' on node 'n' has it";
  const inUse = [{ refuse: { code: 'DISK_IN_USE', detail: holder } }];
  t.deepEqual(disk.send({ ...hotattach('1'), holder }).notes, inUse);
  t.deepEqual(disk.send({ type: 'DELETE', wipe: true, holder }).notes, inUse);
  t.deepEqual(disk.send({ ...hotattach('1'), isThere: true }).notes, refused('ALREADY_ATTACHED'));
});

test('a VM that has a disk without a record counts as its user, even beyond the limit', t => {
  const disk = availableDisk(1);
  const adopted = {
    type: 'ADOPT_USER' as const,
    ...birthOn('1', vmOf('1')),
    target: 'vdc',
    run: RUN,
    attachments: [],
  };
  const { state, notes } = disk.send(adopted);
  t.is(state, 'hot-attached');
  t.like(notes[0], { tell: { to: 'attachment/1', event: { type: 'ADOPT', target: 'vdc', run: RUN } } });
  const { notes: over } = disk.send({ ...adopted, ...birthOn('2', vmOf('2')) });
  t.deepEqual(over.at(-1), { publish: { type: 'disk.oversubscribed' } });
});

test('nothing is plugged into VMs of a node that was declared dead', t => {
  const { notes } = availableDisk(1).send({ ...hotattach('1'), nodeIsDead: true });
  t.deepEqual(notes, refused('NODE_DECLARED_DEAD'));
});

test('a domain of the same name with another UUID is another VM', t => {
  t.false(sameVm(vmOf('7', 'a'), vmOf('7', 'b')));
  t.true(sameVm(vmOf('7', 'a'), vmOf('one-7', null)));
  t.false(sameVm(vmOf('7', 'a'), { ...vmOf('7', null), node: 'qemu+tcp://two/system' }));
});

test('a disk in use is not deleted', t => {
  const disk = availableDisk(1);
  disk.send(hotattach('1'));
  t.deepEqual(disk.send({ type: 'DELETE', wipe: false, holder: null }).notes, refused('DISK_IN_USE'));
});

test('a creation that fails is undone before its caller is answered', t => {
  const disk = play(diskMachine);
  const birth = { uuid: DISK, owner: 'alice', tag: '', visibility: 'private' as const, sizeGiB: 1, limit: 1 };
  disk.send({ type: 'CREATE', ...birth, roomGiB: 1, quotaLeft });
  const problem = { code: 'VOLUME_FAILED' as const, detail: 'EIO' };
  const failed = disk.send({ type: 'VOLUME_FAILED', attempt: 1, problem });
  t.deepEqual([failed.state, failed.notes], ['deleting', [{ deleteVolume: true }]]);
  t.deepEqual(disk.send({ type: 'VOLUME_DELETED', attempt: 2 }), {
    state: 'deleted',
    notes: [{ publish: { type: 'disk.create-failed', problem } }, { answer: { problem } }],
  });
});

function born() {
  const disk = play(diskMachine);
  const birth = { uuid: DISK, owner: 'alice', tag: '', visibility: 'private' as const, sizeGiB: 1, limit: 1 };
  disk.send({ type: 'CREATE', ...birth, roomGiB: 1, quotaLeft });
  return disk;
}

test('a creation that did not begin leaves nothing to undo', t => {
  const problem = { code: 'POOL_BUSY' as const, detail: '' };
  const disk = born();
  t.is(disk.send({ type: 'NOT_BEGUN', attempt: 2, problem }).state, 'creating', 'of another attempt');
  t.deepEqual(disk.send({ type: 'NOT_BEGUN', attempt: 1, problem }), {
    state: 'deleted',
    notes: [{ answer: { problem } }],
  });
});

test('a creation that an earlier attempt may have begun is undone even if the last one has not', t => {
  const problem = { code: 'POOL_BUSY' as const, detail: '' };
  const disk = born();
  disk.send({ type: 'VOLUME_FAILED', attempt: 1, problem: { code: 'VOLUME_FAILED', detail: 'EIO' } });
  disk.send({ type: 'REMOVE_FAILED', attempt: 2, problem: { code: 'REMOVE_FAILED', detail: 'EIO' } });
  disk.send({ type: 'RETRY' });
  const again = disk.send({ type: 'NOT_BEGUN', attempt: 3, problem });
  t.deepEqual([again.state, again.notes], ['deleting', [{ deleteVolume: true }]]);
});

test('a deletion that fails is tried again at its deadline', t => {
  const disk = availableDisk(1);
  disk.send({ type: 'DELETE', wipe: false, holder: null });
  const problem = { code: 'REMOVE_FAILED' as const, detail: 'EIO' };
  const failed = disk.send({ type: 'REMOVE_FAILED', attempt: 2, problem });
  t.deepEqual(failed, { state: 'deleting', notes: [{ answer: { problem } }] });
  t.deepEqual(disk.send({ type: 'TIMEOUT' }).notes.at(-1), { deleteVolume: true });
});

test('the target is the first one that is free on the VM', t => {
  const disk = availableDisk(1);
  const { notes } = disk.send({ ...hotattach('1'), taken: ['vda', 'vdc'] });
  t.like(notes[0], { tell: { event: { target: 'vdb', shareable: false } } });
});

test('a disk with a limit above 1 is shareable on each VM', t => {
  const { notes } = availableDisk(2).send(hotattach('1'));
  t.like(notes[0], { tell: { event: { shareable: true } } });
});

test('a disk can be edited while it has users, and an edit without a difference changes nothing', t => {
  const disk = availableDisk(1);
  disk.send(hotattach('1'));
  disk.send({ type: 'EDIT', tag: 'new', visibility: 'public', stale: false });
  t.like(disk.context(), { tag: 'new', visibility: 'public', users: { length: 1 } });
  const before = disk.context();
  disk.send({ type: 'EDIT', tag: 'new', stale: false });
  t.is(disk.context(), before);
});

test('a conditional request for an outdated version neither edits nor deletes', t => {
  const disk = availableDisk(1);
  t.deepEqual(disk.send({ type: 'EDIT', tag: 'new', stale: true }).notes, refused('DISK_CHANGED'));
  t.deepEqual(
    disk.send({ type: 'DELETE', wipe: false, stale: true, holder: null }).notes,
    refused('DISK_CHANGED'),
  );
});

function hotAttachment() {
  const attachment = play(attachmentMachine);
  attachment.send({ type: 'HOTATTACH', ...birthOn('1', vmOf('1')), target: 'vda', shareable: false });
  attachment.send({ type: 'PLUGGED', attempt: 1, run: RUN });
  return attachment;
}

test('a plug of unknown outcome is undone, and the disk stays accounted for until then', t => {
  const attachment = play(attachmentMachine);
  attachment.send({ type: 'HOTATTACH', ...birthOn('1', vmOf('1')), target: 'vda', shareable: false });
  const problem = { code: 'PLUG_UNKNOWN' as const, detail: '' };
  const unknown = attachment.send({ type: 'PLUG_UNKNOWN', attempt: 1, problem });
  t.deepEqual(unknown, {
    state: 'detaching',
    notes: [{ publish: { type: 'disk.attach-failed', problem } }, { answer: { problem } }, { unplug: true }],
  });
  const off = attachment.send({ type: 'UNPLUGGED', attempt: 2 });
  t.is(off.state, 'released');
  t.deepEqual(off.notes[0], { tell: { to: `disk/${DISK}`, event: { type: 'RELEASED', attachment: '1' } } });
});

test('an undo that cannot reach the node is tried again at each deadline', t => {
  const attachment = play(attachmentMachine);
  attachment.send({ type: 'HOTATTACH', ...birthOn('1', vmOf('1')), target: 'vda', shareable: false });
  attachment.send({ type: 'TIMEOUT' });
  const problem = { code: 'NODE_UNREACHABLE' as const, detail: '' };
  t.is(attachment.send({ type: 'UNPLUG_FAILED', attempt: 2, problem }).state, 'detaching');
  t.deepEqual(attachment.send({ type: 'TIMEOUT' }).notes.at(-1), { unplug: true });
});

test('a guest that refuses to let go keeps its disk, and a later removal is noticed', t => {
  const attachment = hotAttachment();
  attachment.send({ type: 'HOTDETACH' });
  const problem = { code: 'GUEST_KEPT_DISK' as const, detail: '' };
  const kept = attachment.send({ type: 'KEPT', attempt: 2, problem });
  t.deepEqual(kept, {
    state: 'hot-attached',
    notes: [{ publish: { type: 'disk.detach-failed', problem } }, { answer: { problem } }],
  });
  t.is(attachment.send({ type: 'DEVICE_GONE', alarm: null, defined: false }).state, 'released');
});
