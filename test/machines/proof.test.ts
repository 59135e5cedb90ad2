import { attachmentMachine } from '../../machines/attachment.ts';
import type { AttachmentMessage } from '../../machines/attachment-events.ts';
import type { VmLocation } from '../../machines/vm-location.ts';
import { birthOn, DISK, ELSEWHERE, end, nowhere, RUN, running, stamp, vmOf } from './support/events.ts';
import { play, refused } from './support/play.ts';
import { test } from './support/rule.ts';

const ALARM = '12 of 12 attachments seem to have lost their VMs';
const SILENT = ["node 'two' cannot be reached"];

const foundAt = (found: VmLocation, alarm: string | null = null): AttachmentMessage => ({
  type: 'FOUND',
  found,
  alarm,
});

function plugged() {
  const attachment = play(attachmentMachine);
  attachment.send({ type: 'HOTATTACH', ...birthOn('1', vmOf('1')), target: 'vda', shareable: false });
  attachment.send({ type: 'PLUGGED', attempt: 1, run: RUN });
  return attachment;
}

function registered() {
  const attachment = play(attachmentMachine);
  attachment.send({ type: 'ATTACH', ...birthOn('1', vmOf('1', null)), shareable: false });
  return attachment;
}

const detach = (
  found: VmLocation,
  authority: 'nobody' | 'frontend' | 'administrator' = 'frontend',
): AttachmentMessage => ({
  type: 'DETACH',
  found,
  alarm: null,
  authority,
  held: found.at === 'running' ? [...(found.disks ?? [DISK])] : [],
});

test('a run that was watched to its end is over, even if other nodes do not answer', t => {
  t.is(plugged().send(foundAt(nowhere({ end: end(), silent: SILENT }), ALARM)).state, 'unclaimed');
});

test('a VM whose definition holds the disk keeps it until the definition is corrected: then its known end counts', t => {
  const attachment = plugged();
  const kept = nowhere({ end: end(), over: true, defined: [DISK] });
  t.is(attachment.send(foundAt(kept)).state, 'hot-attached');
  t.is(attachment.send(foundAt(kept)).state, 'hot-attached');
  const detail = 'its definition holds the disk, and its next start takes it';
  t.deepEqual(attachment.send(detach(kept)).notes, [{ refuse: { code: 'VM_FATE_UNKNOWN', detail } }]);
  t.like(attachment.context(), { seen: 'ended', doubt: { detail } });
  t.is(attachment.send(foundAt(nowhere({ over: true, defined: ['another disk'] }))).state, 'unclaimed');
});

test('a VM that was seen to end is released only once its node answers, since it may have a definition with the disk', t => {
  const attachment = plugged();
  const silent = { silent: SILENT, unread: [vmOf('1').node] };
  t.is(attachment.send(foundAt(nowhere({ end: end(), ...silent }))).state, 'hot-attached');
  t.is(attachment.send(foundAt(nowhere(silent))).state, 'hot-attached');
  t.like(attachment.context(), { doubt: { detail: SILENT[0] } });
  t.is(attachment.send(foundAt(nowhere({ over: true }))).state, 'unclaimed');
});

test('a VM that was seen to end, and may have been started again unseen, keeps its disk', t => {
  const attachment = plugged();
  attachment.send(foundAt(nowhere({ end: end(), defined: [DISK] })));
  t.is(attachment.send(foundAt(nowhere())).state, 'hot-attached');
  t.is(attachment.send(detach(nowhere())).state, 'released', 'the frontend may vouch for it');
});

test("the end of a VM where it landed counts once that node shows the VM's definition there", t => {
  const attachment = plugged();
  attachment.send({ type: 'LEFT', seen: 'migrated' });
  const landed = { end: end({ node: ELSEWHERE }) };
  const silent = { silent: SILENT, unread: [ELSEWHERE] };
  t.is(attachment.send(foundAt(nowhere({ ...landed, ...silent }))).state, 'hot-attached');
  t.is(attachment.send(foundAt(nowhere(landed))).state, 'unclaimed');
});

test('a disk that has left its running VM is free once the definition does not hold it either', t => {
  const attachment = plugged();
  t.is(attachment.send(foundAt(running({ disks: [], defined: [DISK] }))).state, 'hot-attached');
  t.is(attachment.send({ type: 'DEVICE_GONE', alarm: null, defined: true }).state, 'hot-attached');
  t.is(attachment.send(foundAt(running({ disks: [] }))).state, 'released');
});

test('the definition of a registered VM has the disk on purpose, and delays nothing', t => {
  const attachment = registered();
  attachment.send(foundAt(running()));
  t.is(attachment.send(detach(nowhere({ defined: [DISK] }))).state, 'released');
});

test('the end of an incoming copy, or of a run that was not seen running, is no proof while a node is silent', t => {
  for (const unproved of [end({ node: ELSEWHERE, watched: null }), end({ watched: null })]) {
    const attachment = plugged();
    t.is(attachment.send(foundAt(nowhere({ end: unproved, silent: SILENT }))).state, 'hot-attached');
    t.like(attachment.context(), { doubt: { code: 'VM_FATE_UNKNOWN', detail: SILENT[0] } });
  }
});

test('a last state proves an end on the host where the VM was last seen, if all others answer and no alarm is up', t => {
  const unwatched = end({ watched: null, how: 'crashed' });
  t.is(plugged().send(foundAt(nowhere({ end: unwatched }))).state, 'unclaimed');
  t.is(plugged().send(foundAt(nowhere({ end: unwatched }), ALARM)).state, 'hot-attached');
  const other = end({ watched: null, how: 'crashed', host: 'another host' });
  t.is(plugged().send(foundAt(nowhere({ end: other }))).state, 'hot-attached');
  const failed = end({ watched: null, how: 'failed' });
  t.is(plugged().send(foundAt(nowhere({ end: failed }))).state, 'hot-attached');
});

test('absence proves nothing, and is reported once', t => {
  const attachment = plugged();
  const { state, notes } = attachment.send(foundAt(nowhere()));
  t.deepEqual([state, notes], ['hot-attached', [{ publish: { type: 'disk.machine-lost' } }]]);
  const before = attachment.context();
  t.deepEqual(attachment.send(foundAt(nowhere())).notes, []);
  t.is(attachment.context(), before);
});

test('in a switch-over the end at the source counts once every host has answered', t => {
  const attachment = plugged();
  attachment.send({ type: 'LEFT', seen: 'switching' });
  t.is(attachment.send(foundAt(nowhere({ end: end(), silent: SILENT }))).state, 'hot-attached');
  t.is(attachment.send(foundAt(nowhere({ end: end() }))).state, 'unclaimed');
});

test('a switch-over that failed leaves the VM where it was, and its end counts again', t => {
  const attachment = plugged();
  attachment.send({ type: 'LEFT', seen: 'switching' });
  attachment.send(foundAt(running()));
  t.is(attachment.send(foundAt(nowhere({ end: end(), silent: SILENT }))).state, 'unclaimed');
});

for (const seen of ['saved', 'migrated'] as const) {
  test(`a VM that was seen ${seen} is not dead, whatever its old node says`, t => {
    const attachment = plugged();
    attachment.send({ type: 'LEFT', seen });
    t.is(attachment.send(foundAt(nowhere({ end: end() }))).state, 'hot-attached');
  });
}

test('a VM that migrated and was watched to its end where it landed is dead', t => {
  const attachment = plugged();
  attachment.send({ type: 'LEFT', seen: 'migrated' });
  t.is(attachment.send(foundAt(nowhere({ end: end({ node: ELSEWHERE }) }))).state, 'unclaimed');
});

test("the frontend's word releases a VM that no host shows, if none is silent and nothing saved it to a file", t => {
  t.is(plugged().send(detach(nowhere())).state, 'released');
  t.deepEqual(plugged().send(detach(nowhere({ silent: SILENT }))).notes, [
    { refuse: { code: 'VM_FATE_UNKNOWN', detail: SILENT[0] } },
  ]);
  t.is(plugged().send(detach(nowhere(), 'nobody')).state, 'hot-attached');
  const saved = plugged();
  saved.send({ type: 'LEFT', seen: 'saved' });
  t.is(saved.send(detach(nowhere())).state, 'hot-attached');
  const gone = plugged();
  gone.send({ type: 'LEFT', seen: 'migrated' });
  t.is(gone.send(detach(nowhere())).state, 'released');
});

test("libvirt's managed save image keeps the disk as long as it exists; after that the frontend's word counts", t => {
  const attachment = plugged();
  attachment.send({ type: 'LEFT', seen: 'saved' });
  attachment.send(foundAt({ at: 'saved' }));
  t.is(attachment.send(detach({ at: 'saved' })).state, 'hot-attached');
  t.is(attachment.send(detach(nowhere())).state, 'released');
});

test('an administrator releases by force a VM that is silent, saved or moving, but not one that is seen alive', t => {
  for (const found of [
    nowhere({ silent: SILENT }),
    { at: 'saved' },
    { at: 'moving', node: ELSEWHERE },
  ] as const) {
    t.is(plugged().send(detach(found, 'administrator')).state, 'released');
  }
  t.deepEqual(plugged().send(detach(running(), 'administrator')).notes, refused('VM_RUNNING'));
});

test("a registered VM is followed once it is seen with the disk; before that the caller's word counts", t => {
  t.is(registered().send(detach(nowhere({ silent: SILENT }), 'nobody')).state, 'released');
  t.is(registered().send(detach({ at: 'saved' }, 'nobody')).state, 'attached');
  const seen = registered();
  seen.send(foundAt(running()));
  t.like(seen.context(), { vm: { domain: vmOf('1').domain }, run: RUN });
  t.is(seen.send(detach(nowhere({ silent: SILENT }))).state, 'attached');
  seen.send(foundAt(nowhere({ end: end() })));
  t.is(seen.send(detach(nowhere({ over: true, silent: SILENT }))).state, 'released');
});

test('the target promised to a registered disk is free again when its VM runs without it', t => {
  const attachment = registered();
  attachment.send({ type: 'PROMISE', target: 'vdb', taken: [] });
  attachment.send(foundAt(running({ disks: [] })));
  t.like(attachment.context(), { target: null, vm: { domain: null } });
});

test('a plug whose VM ends is undone, and is over when libvirt has answered a later call', t => {
  const attachment = play(attachmentMachine);
  attachment.send({ type: 'HOTATTACH', ...birthOn('1', vmOf('1')), target: 'vda', shareable: false });
  const { state, notes } = attachment.send(foundAt(nowhere({ end: end() })));
  t.is(state, 'detaching');
  const problem = { code: 'VM_STOPPED', detail: '' };
  t.deepEqual(notes.slice(0, 2), [
    { publish: { type: 'disk.attach-failed', problem } },
    { answer: { problem } },
  ]);
  const facts = { found: nowhere({ over: true }), alarm: null };
  t.is(attachment.send({ type: 'NOT_RUNNING', attempt: 2, settled: false, ...facts }).state, 'detaching');
  t.is(attachment.send({ type: 'NOT_RUNNING', attempt: 2, settled: true, ...facts }).state, 'released');
});

test('the death of a VM can be claimed by a detach for a day', t => {
  const attachment = plugged();
  t.is(attachment.send(foundAt(nowhere({ end: end() }))).state, 'unclaimed');
  t.is(attachment.context().deadline, stamp.now + 86_400_000);
  t.is(attachment.send(detach(nowhere(), 'nobody')).state, 'released');
});

test('detach is refused while the live domain has one of the disks', t => {
  const event = { ...detach(running({ disks: ['another disk'] })), held: ['another disk'] };
  t.deepEqual(plugged().send(event as AttachmentMessage).notes, refused('VM_RUNNING'));
});

test("a VM whose guest keeps the disk after the VM's end runs again, and its silence frees nothing", t => {
  const attachment = play(attachmentMachine);
  attachment.send({ type: 'HOTATTACH', ...birthOn('1', vmOf('1')), target: 'vda', shareable: false });
  attachment.send(foundAt(nowhere({ end: end() })));
  const problem = { code: 'GUEST_KEPT_DISK' as const, detail: 'the guest did not let go in time' };
  t.is(attachment.send({ type: 'KEPT', attempt: 2, problem }).state, 'hot-attached');
  t.like(attachment.send(detach(nowhere({ over: true, silent: SILENT }))).notes[0], {
    refuse: { code: 'VM_FATE_UNKNOWN', detail: SILENT[0] },
  });
});

test('a VM on its way in is alive, also one that is only registered and not seen yet', t => {
  for (const attachment of [plugged(), registered()]) {
    for (const authority of ['nobody', 'frontend'] as const)
      t.like(attachment.send(detach({ at: 'moving', node: ELSEWHERE }, authority)).notes[0], {
        refuse: { code: 'VM_FATE_UNKNOWN', detail: 'it is migrating' },
      });
  }
});

test('a VM that has moved to another node while its old one was declared dead is not released', t => {
  const attachment = plugged();
  const dead = { type: 'NODE_DEAD' as const, node: vmOf('1').node, found: nowhere(), alarm: null };
  attachment.send(foundAt(running({ vm: { ...vmOf('1'), node: ELSEWHERE } })));
  t.is(attachment.send(dead).state, 'hot-attached');
  t.is(plugged().send(dead).state, 'unclaimed');
});
