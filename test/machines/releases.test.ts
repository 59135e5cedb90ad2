import type { AttachmentMessage } from '../../machines/attachment-events.ts';
import { DISK, end, nowhere, running, stamp, vmOf } from './support/events.ts';
import { test } from './support/rule.ts';
import { attachments, plugProblem } from './support/states.ts';

const ALARM = '12 of 12 attachments seem to have lost their VMs';
const silent = nowhere({ silent: ["node 'two' cannot be reached"] });
const ended = nowhere({ end: end() });
const without = running({ disks: [] });

const giveBack = { tell: { to: `disk/${DISK}`, event: { type: 'RELEASED', attachment: '1' } } };
const detached = { publish: { type: 'disk.detached' } };
const done = { answer: { problem: null } };

/** It is certain that the VM does not have the disk any more; the caller is answered. */
const OFF = { state: 'released', notes: [giveBack, detached, done] };
/** The same without a caller. */
const GONE = { state: 'released', notes: [giveBack, detached] };
/** The same, where a detach call may still come. */
const DIED = { state: 'unclaimed', notes: [giveBack, detached] };
/** No event of the log ever said that the disk was attached. */
const TAKEN_BACK = { state: 'released', notes: [giveBack, done] };

const detach = { type: 'DETACH' as const, alarm: null, held: [], authority: 'nobody' as const };
const force = { ...detach, found: silent, authority: 'administrator' as const };
const found = (place: typeof silent, alarm: string | null = null) => ({
  type: 'FOUND' as const,
  found: place,
  alarm,
});
const notRunning = { type: 'NOT_RUNNING' as const, attempt: 2, settled: true, found: ended, alarm: null };
const nodeDead = { type: 'NODE_DEAD' as const, node: vmOf('1').node, found: silent, alarm: null };

type Case = readonly [
  why: string,
  state: keyof typeof attachments,
  message: AttachmentMessage,
  result: { readonly state: string; readonly notes: readonly object[] },
];

const seen = ['attached', 'hot-attached', 'detaching'] as const;
const plugged = ['hot-attached', 'detaching'] as const;

const cases: readonly Case[] = [
  ...seen.flatMap((state): Case[] => [
    ['an administrator says so and it is not seen alive', state, force, OFF],
    ['its VM runs without the disk', state, { ...detach, found: without }, OFF],
    ['its VM is proved to have ended', state, { ...detach, found: ended }, OFF],
    ['no host shows its VM', state, { ...detach, found: nowhere(), authority: 'frontend' }, OFF],
  ]),
  ['its caller says so', 'attached, not seen yet', { ...detach, found: silent }, OFF],
  ...plugged.map(
    (state): Case => [
      'an administrator unplugs it by force',
      state,
      { type: 'HOTDETACH', forced: force },
      OFF,
    ],
  ),
  [
    'the guest let it go by itself',
    'hot-attached',
    { type: 'DEVICE_GONE', alarm: null, defined: false },
    GONE,
  ],
  ['its VM is found without it', 'hot-attached', found(without), GONE],
  ['its VM is proved to have ended', 'hot-attached', found(ended), DIED],
  ['its node is declared dead', 'hot-attached', nodeDead, DIED],
  ['its node is declared dead', 'attached', nodeDead, DIED],
  ['the node has unplugged it', 'detaching', { type: 'UNPLUGGED', attempt: 2 }, OFF],
  ['its VM is found without it', 'detaching', found(without), OFF],
  ['its VM is proved to have ended', 'detaching', found(ended), OFF],
  ['its VM has ended, as its node says', 'detaching', notRunning, OFF],
  ['its node is declared dead', 'detaching', nodeDead, OFF],
  ['the node has unplugged it', 'detaching, taken back', { type: 'UNPLUGGED', attempt: 2 }, TAKEN_BACK],
  ['no earlier call can plug it in any more', 'detaching, taken back', notRunning, TAKEN_BACK],
  ['it was claimed', 'unclaimed', { type: 'HOTDETACH' }, { state: 'released', notes: [done] }],
  ['it was claimed', 'unclaimed', { ...detach, found: silent }, { state: 'released', notes: [done] }],
  ['it is forgotten', 'unclaimed', { type: 'FORGET' }, { state: 'released', notes: [] }],
  ['nobody claimed it in time', 'unclaimed', { type: 'TIMEOUT' }, { state: 'released', notes: [] }],
];

for (const [why, name, message, result] of cases) {
  test(`an attachment that is ${name} ends by ${message.type} when ${why}`, t => {
    t.deepEqual(attachments[name]().send(message), result);
  });
}

test('a late success of an unplug that was given up frees the disk', t => {
  const attachment = attachments.detaching();
  attachment.send({ type: 'UNPLUG_FAILED', attempt: 2, problem: plugProblem });
  t.deepEqual(attachment.send({ type: 'UNPLUGGED', attempt: 2 }), GONE);
});

test('an unclaimed attachment has neither doubt nor diversion, and is kept for a day', t => {
  const attachment = attachments['hot-attached']();
  attachment.send({ type: 'DIVERTED', source: '/pool/overlay' });
  attachment.send(found(silent));
  t.like(attachment.context(), { doubt: { code: 'VM_FATE_UNKNOWN' }, diverted: '/pool/overlay' });
  attachment.send(nodeDead);
  const deadline = stamp.now + stamp.timeouts.claiming;
  t.like(attachment.context(), { doubt: null, diverted: null, deadline });
});

for (const name of plugged) {
  test(`while an alarm is up, no list of a node releases an attachment that is ${name}`, t => {
    for (const message of [
      { type: 'DEVICE_GONE' as const, alarm: ALARM, defined: false },
      found(without, ALARM),
    ]) {
      const attachment = attachments[name]();
      t.deepEqual(attachment.send(message), { state: name, notes: [] }, message.type);
    }
  });
}

test('while a plug is being undone, neither the absence of the disk nor the end of its VM is enough', t => {
  for (const message of [
    { type: 'DEVICE_GONE' as const, alarm: null, defined: false },
    found(without),
    found(ended),
  ]) {
    const attachment = attachments['detaching, taken back']();
    t.deepEqual(attachment.send(message), { state: 'detaching', notes: [] }, message.type);
  }
});

test('an attachment whose plug is being undone can be detached once libvirt has answered the plug', t => {
  const attachment = attachments['detaching, taken back']();
  t.is(attachment.send({ ...notRunning, found: nowhere() }).state, 'detaching');
  t.deepEqual(attachment.send({ ...detach, found: nowhere(), authority: 'frontend' }), OFF);
});

test('an attachment whose plug is being undone is released by force where its VM is not seen alive', t => {
  t.deepEqual(attachments['detaching, taken back']().send(force), OFF);
});

test("a plug that libvirt has not answered is not detached by the frontend's word, and the error says why", t => {
  const attachment = attachments['detaching, taken back']();
  for (const place of [nowhere(), ended]) {
    const { state, notes } = attachment.send({ ...detach, found: place, authority: 'frontend' });
    t.is(state, 'detaching');
    const detail = 'libvirt has not answered for its plug, and may carry it out when the VM starts again';
    t.deepEqual(notes, [{ refuse: { code: 'VM_FATE_UNKNOWN', detail } }]);
  }
});

test('a disk that its VM has let go of is not free while the definition holds it', t => {
  const gone = { type: 'DEVICE_GONE' as const, alarm: null, defined: true };
  t.deepEqual(attachments['hot-attached']().send(gone), { state: 'hot-attached', notes: [] });
});

test('that the device has gone is left to the unplug to tell, which knows who asked for it', t => {
  const gone = { type: 'DEVICE_GONE' as const, alarm: null, defined: false };
  t.deepEqual(attachments.detaching().send(gone), { state: 'detaching', notes: [] });
});

test('a look without the device proves nothing while the plug is in progress', t => {
  const places = [running(), without, nowhere(), silent, { at: 'saved' as const }];
  for (const message of [
    { type: 'DEVICE_GONE' as const, alarm: null, defined: false },
    ...places.map(one => found(one as never)),
  ]) {
    const attachment = attachments.attaching();
    const before = attachment.context();
    t.deepEqual(attachment.send(message), { state: 'attaching', notes: [] });
    t.is(attachment.context(), before);
  }
});

test('the end of a VM that is known to have ended is no news, and a VM that is not found later is in doubt', t => {
  for (const name of ['attached', 'detaching, taken back'] as const) {
    const attachment = attachments[name]();
    attachment.send(found(ended));
    t.is(attachment.context().seen, 'ended', name);
    const { notes } = attachment.send(found({ ...silent, over: true } as typeof silent));
    t.deepEqual(notes, [{ publish: { type: 'disk.machine-lost' } }], name);
    t.is(attachment.context().doubt?.code, 'VM_FATE_UNKNOWN', name);
  }
});
