import { stamp } from './support/events.ts';
import { test } from './support/rule.ts';
import { disks, problem } from './support/states.ts';

for (const [name, settled] of [
  ['growing', 'available'],
  ['growing, registered', 'attached'],
  ['growing, plugged', 'hot-attached'],
] as const) {
  test(`a disk that is ${name} is ${settled} after its resize`, t => {
    const disk = disks[name]();
    const { attempt } = disk.context();
    disk.send({ type: 'RESIZE_PENDING', attempt, problem });
    t.deepEqual(disk.send({ type: 'RESIZED', attempt }), {
      state: settled,
      notes: [{ publish: { type: 'disk.resized' } }, { answer: { problem: null } }],
    });
    t.like(disk.context(), { sizeGiB: 3, grownFrom: null, failures: 0, deadline: null });
  });

  test(`a disk that is ${name} is ${settled}, at its old size, when its resize certainly failed`, t => {
    const disk = disks[name]();
    const { attempt } = disk.context();
    disk.send({ type: 'RESIZE_PENDING', attempt, problem });
    t.deepEqual(disk.send({ type: 'NOT_RESIZED', attempt, problem }), {
      state: settled,
      notes: [{ publish: { type: 'disk.resize-failed', problem } }, { answer: { problem } }],
    });
    t.like(disk.context(), { sizeGiB: 1, grownFrom: null, failures: 0, deadline: null });
  });
}

test('a resize that passes its deadline is tried again, and its caller is told', t => {
  const disk = disks.growing();
  t.deepEqual(disk.send({ type: 'TIMEOUT' }), {
    state: 'growing',
    notes: [{ answer: { problem: { code: 'GROW_TIMEOUT', detail: '' } } }, { resizeVolume: true }],
  });
  t.like(disk.context(), { failures: 1, deadline: stamp.now + stamp.timeouts.growing });
});

test('a resize goes on after a restart', t => {
  t.deepEqual(disks.growing().send({ type: 'RESUME' }), {
    state: 'growing',
    notes: [{ resizeVolume: true }],
  });
});
