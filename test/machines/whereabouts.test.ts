import type { AttachmentMessage } from '../../machines/attachment-events.ts';
import { DISK, ELSEWHERE, nowhere, RUN, running, stamp, vmOf } from './support/events.ts';
import { test } from './support/rule.ts';
import { attachments, type PlayedAttachment, stateOf } from './support/states.ts';

const moved = { tell: { to: `disk/${DISK}`, event: { type: 'MOVED', attachment: '1' } } };
const lost = { publish: { type: 'disk.machine-lost' } };
const there = { ...vmOf('1'), node: ELSEWHERE, host: 'two' };
const runAgain = { ...RUN, id: 8 };

const found = (place: ReturnType<typeof running>, alarm: string | null = null) => ({
  type: 'FOUND' as const,
  found: place,
  alarm,
});
const nodeDead = (place: ReturnType<typeof running>) => ({
  ...found(place),
  type: 'NODE_DEAD' as const,
  node: vmOf('1').node,
});

const held = ['attached', 'hot-attached', 'detaching'] as const;

/** Asserts that the chart knows the message, and that nothing changes. */
function assertKnown(
  t: Parameters<Parameters<typeof test>[1]>[0],
  attachment: PlayedAttachment,
  message: AttachmentMessage,
  state: string,
): void {
  const before = attachment.context();
  t.true(attachment.hears(message), message.type);
  t.deepEqual(attachment.send(message), { state, notes: [] }, message.type);
  t.is(attachment.context(), before, message.type);
}

for (const name of held) {
  test(`a VM that runs where it is known to be changes nothing for an attachment that is ${name}`, t => {
    const attachment = attachments[name]();
    if (name === 'detaching') attachment.send(found(running()));
    assertKnown(t, attachment, found(running()), name);
  });

  test(`an attachment that is ${name} follows its VM to another run`, t => {
    const attachment = attachments[name]();
    const { attempt } = attachment.context();
    const notes = name === 'attached' ? [moved] : [];
    t.deepEqual(attachment.send(found(running({ run: runAgain }))), { state: name, notes });
    t.like(attachment.context(), { run: runAgain, attempt });
  });

  test(`an attachment that is ${name} follows its VM to another node, also when its own is declared dead`, t => {
    for (const message of [found(running({ vm: there })), nodeDead(running({ vm: there }))]) {
      const attachment = attachments[name]();
      const again = name === 'detaching' && message.type === 'FOUND' ? [{ unplug: true }] : [];
      t.deepEqual(attachment.send(message), { state: name, notes: [moved, ...again] }, message.type);
      t.like(attachment.context(), { vm: there, seen: 'running' });
    }
  });

  test(`an attachment that is ${name} whose VM is not found is in doubt, and reports that once`, t => {
    const attachment = attachments[name]();
    t.deepEqual(attachment.send(found(nowhere())), { state: name, notes: [lost] });
    t.like(attachment.context(), { doubt: { code: 'VM_FATE_UNKNOWN', since: stamp.time } });
    assertKnown(t, attachment, found(nowhere()), name);
  });

  test(`an attachment that is ${name} whose VM is saved or in the middle of a migration is in no doubt`, t => {
    for (const [place, seen] of [
      [{ at: 'saved' as const }, 'managed-save'],
      [{ at: 'moving' as const, node: ELSEWHERE }, 'switching'],
    ] as const) {
      const attachment = attachments[name]();
      t.deepEqual(attachment.send(found(place)), { state: name, notes: [] }, place.at);
      t.like(attachment.context(), { seen, doubt: null }, place.at);
      assertKnown(t, attachment, found(place), name);
    }
  });

  test(`an attachment that is ${name} is kept where its VM may live on when the node is declared dead`, t => {
    assertKnown(t, attachments[name](), nodeDead({ at: 'saved' }), name);
  });

  test(`an attachment that is ${name} notes the path that its VM writes to, and when it is the volume again`, t => {
    const attachment = attachments[name]();
    for (const source of ['/pool/overlay', null]) {
      const diverted = { type: 'DIVERTED' as const, source };
      t.deepEqual(attachment.send(diverted), {
        state: name,
        notes: [{ publish: { type: 'disk.diverted' } }],
      });
      t.is(attachment.context().diverted, source);
      assertKnown(t, attachment, diverted, name);
    }
  });
}

for (const name of [...held, 'attaching', 'detaching, taken back'] as const) {
  test(`an attachment that is ${name} notes how its VM left its node`, t => {
    for (const seen of ['switching', 'saved', 'migrated'] as const) {
      const attachment = attachments[name]();
      const left = { type: 'LEFT' as const, seen };
      t.deepEqual(attachment.send(left), { state: stateOf(name), notes: [] }, seen);
      t.is(attachment.context().seen, seen);
      assertKnown(t, attachment, left, stateOf(name));
    }
  });
}

test('a registered VM that does not run yet, or runs without the disk, is not followed', t => {
  for (const place of [
    nowhere(),
    { at: 'saved' as const },
    running({ disks: [] }),
    running({ vm: there, disks: [] }),
  ])
    assertKnown(t, attachments['attached, not seen yet'](), found(place), 'attached');
});

test('a registered VM is located where it is first seen with the disk, on any node', t => {
  for (const vm of [vmOf('1'), there]) {
    for (const homeIsSilent of [false, true]) {
      const attachment = attachments['attached, not seen yet']();
      t.deepEqual(attachment.send(found(running({ vm, homeIsSilent }))), {
        state: 'attached',
        notes: [moved],
      });
      t.like(attachment.context(), { vm, run: RUN, seen: 'running' });
    }
  }
});

test('a VM that is seen elsewhere while its own node is silent is not followed, and in doubt', t => {
  for (const name of held) {
    const attachment = attachments[name]();
    t.deepEqual(
      attachment.send(found(running({ vm: there, homeIsSilent: true }))),
      { state: name, notes: [lost] },
      name,
    );
    t.is(attachment.context().vm.node, vmOf('1').node, name);
  }
});

test('a registered disk is promised a target: the same one while it is free, or the one that is asked for', t => {
  const attachment = attachments.attached();
  const promise = { type: 'PROMISE' as const, target: null, taken: [] as string[] };
  for (const [event, target] of [
    [promise, 'vdb'],
    [promise, 'vdb'],
    [{ ...promise, target: 'vde' }, 'vde'],
  ] as const) {
    t.deepEqual(attachment.send(event), { state: 'attached', notes: [] });
    t.is(attachment.context().target, target);
  }
});

test('a target is reserved while the VM runs with the disk, and free when it runs without', t => {
  const attachment = attachments.attached();
  attachment.send({ type: 'PROMISE', target: null, taken: [] });
  attachment.send(found(running({ run: runAgain })));
  t.like(attachment.context(), { target: 'vdb', run: runAgain });
  t.deepEqual(attachment.send(found(running({ disks: [] }))), { state: 'attached', notes: [] });
  t.is(attachment.context().target, null);
  assertKnown(t, attachment, found(running({ disks: [] })), 'attached');
});
