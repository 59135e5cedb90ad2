import { attachmentMachine } from '../../machines/attachment.ts';
import { birthOn, DISK, ELSEWHERE, end, nowhere, RUN, running, stamp, vmOf } from './support/events.ts';
import { play } from './support/play.ts';
import { test } from './support/rule.ts';
import { attachments, plugProblem } from './support/states.ts';

const giveBack = { tell: { to: `disk/${DISK}`, event: { type: 'RELEASED', attachment: '1' } } };
const moved = { tell: { to: `disk/${DISK}`, event: { type: 'MOVED', attachment: '1' } } };
const attached = { publish: { type: 'disk.attached' } };
const answer = (problem: object | null) => ({ answer: { problem } });
const attachFailed = (problem: object) => ({ publish: { type: 'disk.attach-failed', problem } });
const detachFailed = (problem: object) => ({ publish: { type: 'disk.detach-failed', problem } });
const plain = (code: string) => ({ code, detail: '' });
const there = { ...vmOf('1'), node: ELSEWHERE, host: 'two' };
const nodeDead = { type: 'NODE_DEAD' as const, node: vmOf('1').node, alarm: null };

const birth = birthOn('1', vmOf('1'));

test('a new hot attachment waits for its node until a deadline', t => {
  const attachment = play(attachmentMachine);
  const sent = attachment.send({ type: 'HOTATTACH', ...birth, target: 'vda', shareable: true });
  t.deepEqual(sent, { state: 'attaching', notes: [{ plug: true }] });
  const deadline = stamp.now + stamp.timeouts.attaching;
  t.like(attachment.context(), {
    ...birth,
    target: 'vda',
    shareable: true,
    mode: 'hot',
    attempt: 1,
    deadline,
  });
});

test('a registered VM has the disk at once', t => {
  const attachment = play(attachmentMachine);
  const cold = birthOn('1', vmOf('1', null));
  t.deepEqual(attachment.send({ type: 'ATTACH', ...cold, shareable: false }), {
    state: 'attached',
    notes: [attached],
  });
  t.like(attachment.context(), { ...cold, mode: 'cold', target: null, since: stamp.time });
});

test('a VM that has a disk without a record gets an attachment as if it had been plugged', t => {
  const attachment = play(attachmentMachine);
  t.deepEqual(attachment.send({ type: 'ADOPT', ...birth, target: 'vdc', run: RUN, shareable: false }), {
    state: 'hot-attached',
    notes: [attached],
  });
  t.like(attachment.context(), { ...birth, mode: 'hot', target: 'vdc', run: RUN, deadline: null });
});

test('a confirmed plug is attached to the run that has it, and its caller is answered', t => {
  const attachment = attachments.attaching();
  t.deepEqual(attachment.send({ type: 'PLUGGED', attempt: 1, run: RUN }), {
    state: 'hot-attached',
    notes: [attached, answer(null)],
  });
  t.like(attachment.context(), { run: RUN, deadline: null });
});

test('a plug that is refused frees its reservation, and its caller is told why', t => {
  t.deepEqual(attachments.attaching().send({ type: 'PLUG_REFUSED', attempt: 1, problem: plugProblem }), {
    state: 'released',
    notes: [giveBack, attachFailed(plugProblem), answer(plugProblem)],
  });
});

test('a plug of unknown outcome is undone, and its caller is told', t => {
  const attachment = attachments.attaching();
  t.deepEqual(attachment.send({ type: 'PLUG_UNKNOWN', attempt: 1, problem: plugProblem }), {
    state: 'detaching',
    notes: [attachFailed(plugProblem), answer(plugProblem), { unplug: true }],
  });
  t.true(attachment.context().undo);
});

test('a plug that passes its deadline is undone, and its caller is told', t => {
  const attachment = attachments.attaching();
  t.deepEqual(attachment.send({ type: 'TIMEOUT' }), {
    state: 'detaching',
    notes: [attachFailed(plain('PLUG_UNKNOWN')), answer(plain('PLUG_UNKNOWN')), { unplug: true }],
  });
  t.like(attachment.context(), { undo: true, deadline: stamp.now + stamp.timeouts.detaching });
});

test('a plug goes on after a restart, and so does an unplug', t => {
  t.deepEqual(attachments.attaching().send({ type: 'RESUME' }), {
    state: 'attaching',
    notes: [{ plug: true }],
  });
  t.deepEqual(attachments.detaching().send({ type: 'RESUME' }), {
    state: 'detaching',
    notes: [{ unplug: true }],
  });
});

test('a plug to a node that is declared dead frees its reservation, unless its VM may live on', t => {
  const problem = plain('NODE_DECLARED_DEAD');
  t.deepEqual(attachments.attaching().send({ ...nodeDead, found: nowhere() }), {
    state: 'released',
    notes: [giveBack, attachFailed(problem), answer(problem)],
  });
  const saved = attachments.attaching();
  t.deepEqual(saved.send({ ...nodeDead, found: { at: 'saved' } }), {
    state: 'detaching',
    notes: [attachFailed(problem), answer(problem), { unplug: true }],
  });
  t.true(saved.context().undo);
});

test('an undo that the guest refuses leaves the disk attached, and is over', t => {
  const attachment = attachments['detaching, taken back']();
  t.deepEqual(attachment.send({ type: 'KEPT', attempt: 2, problem: plugProblem }), {
    state: 'hot-attached',
    notes: [attached, answer(plugProblem)],
  });
  t.like(attachment.context(), { undo: false, deadline: null });
});

test('an unplug that the guest or the node does not carry out leaves the disk attached, and its caller is told why', t => {
  for (const type of ['KEPT', 'UNPLUG_FAILED'] as const) {
    const attachment = attachments.detaching();
    t.deepEqual(attachment.send({ type, attempt: 2, problem: plugProblem }), {
      state: 'hot-attached',
      notes: [detachFailed(plugProblem), answer(plugProblem)],
    });
    t.is(attachment.context().deadline, null);
  }
});

test('a node that cannot undo a plug is asked again later, and the waiting caller is told', t => {
  t.deepEqual(
    attachments['detaching, taken back']().send({ type: 'UNPLUG_FAILED', attempt: 2, problem: plugProblem }),
    { state: 'detaching', notes: [answer(plugProblem)] },
  );
});

test('an unplug that passes its deadline leaves the disk attached; an undo that does is tried again', t => {
  const problem = plain('UNPLUG_UNKNOWN');
  t.deepEqual(attachments.detaching().send({ type: 'TIMEOUT' }), {
    state: 'hot-attached',
    notes: [detachFailed(problem), answer(problem)],
  });
  t.deepEqual(attachments['detaching, taken back']().send({ type: 'TIMEOUT' }), {
    state: 'detaching',
    notes: [answer(problem), { unplug: true }],
  });
});

const notRunning = { type: 'NOT_RUNNING' as const, attempt: 2, settled: true, alarm: null };
const inDoubt = { code: 'UNPLUG_UNKNOWN', detail: 'no host shows it, and nobody saw its end' };

test('a VM that does not run, without proof of its end, keeps its disk in doubt', t => {
  const attachment = attachments.detaching();
  t.deepEqual(attachment.send({ ...notRunning, found: nowhere() }), {
    state: 'hot-attached',
    notes: [detachFailed(inDoubt), answer(inDoubt)],
  });
  t.is(attachment.context().doubt?.detail, inDoubt.detail);
});

test("a plug into a VM that does not run is being undone until the VM's end is proved", t => {
  const attachment = attachments['detaching, taken back']();
  t.deepEqual(attachment.send({ ...notRunning, found: nowhere() }), {
    state: 'detaching',
    notes: [answer(inDoubt)],
  });
  t.is(attachment.context().doubt?.detail, inDoubt.detail);
  const early = { ...notRunning, settled: false, found: nowhere({ end: end() }) };
  t.is(attachments['detaching, taken back']().send(early).state, 'detaching');
});

test('an unplug is sent to the node to which the VM has moved', t => {
  for (const name of ['detaching', 'detaching, taken back'] as const) {
    for (const event of [
      { ...notRunning, found: running({ vm: there }) },
      { type: 'FOUND' as const, found: running({ vm: there }), alarm: null },
    ]) {
      const attachment = attachments[name]();
      t.deepEqual(attachment.send(event), { state: 'detaching', notes: [moved, { unplug: true }] });
      t.like(attachment.context(), { attempt: 3, vm: { node: ELSEWHERE } });
    }
  }
});

test('the node of a plug that libvirt has not answered is remembered when the VM moves', t => {
  for (const settled of [true, false]) {
    const attachment = attachments['detaching, taken back']();
    const { atWork } = attachment.context();
    attachment.send({ ...notRunning, settled, found: running({ vm: there }) });
    t.deepEqual(attachment.context().atWork, settled ? null : atWork);
    const dead = { type: 'NODE_DEAD' as const, node: ELSEWHERE, found: nowhere(), alarm: null };
    t.true(attachment.hears(dead));
    t.is(attachment.send(dead).state, settled ? 'released' : 'detaching');
  }
});

test('a second call to unplug waits for the same result', t => {
  const attachment = attachments.detaching();
  const before = attachment.context();
  t.true(attachment.hears({ type: 'HOTDETACH' }));
  t.deepEqual(attachment.send({ type: 'HOTDETACH' }), { state: 'detaching', notes: [] });
  t.is(attachment.context(), before);
});
