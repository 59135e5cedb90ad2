import test from 'ava';
import { attachmentKey, diskKey } from '../../machines/notes.ts';
import { createWorld, RUN, settle, vmOf } from './support/world.ts';

const outcomeOf = (promise: Promise<unknown>) => {
  const seen: { value: unknown } = { value: 'nothing yet' };
  promise.then(
    value => {
      seen.value = value;
    },
    error => {
      seen.value = error;
    },
  );
  return seen;
};

test('no effect starts and no answer is given while the intent is not on disk', async t => {
  const world = createWorld();
  const answer = outcomeOf(world.create('d'));
  await settle();
  t.is(world.batches.length, 1);
  t.deepEqual(world.works, []);
  t.is(world.committed.disk('d'), undefined);
  t.deepEqual(world.published, []);
  world.batches.shift()?.arrive();
  await settle();
  t.is(world.works[0]?.note.name, 'createVolume');
  t.is(world.committed.disk('d')?.state, 'creating');
  t.is(answer.value, 'nothing yet');
});

test('no answer is given and nothing is seen while the outcome is not on disk', async t => {
  const world = createWorld();
  const answer = outcomeOf(world.create('d'));
  await world.arriveAll();
  world.works[0]?.bring({ type: 'VOLUME_CREATED', attempt: 1 });
  await settle();
  t.is(world.committed.disk('d')?.state, 'creating');
  t.is(answer.value, 'nothing yet');
  const before = world.published.length;
  await world.arriveAll();
  t.is(world.committed.disk('d')?.state, 'available');
  t.like(answer.value, { problem: null });
  t.deepEqual(
    world.published.slice(before).map(event => event.type),
    ['disk.created'],
  );
});

test('a disk, its attachment and their events are one batch', async t => {
  const world = createWorld();
  void world.create('d');
  await world.arriveAll();
  world.works.shift()?.bring({ type: 'VOLUME_CREATED', attempt: 1 });
  await world.arriveAll();
  void world.hotattach('d', 'a', vmOf('1'));
  await settle();
  const keys = world.batches[0]?.writes.map(write => write.key.replace(/\d+$/, ''));
  t.deepEqual(keys, ['disk/d', 'attachment/a', 'event/', 'event/']);
});

test('a refusal that rests on an uncommitted change waits for that change', async t => {
  const world = createWorld();
  void world.create('d');
  await world.arriveAll();
  world.works.shift()?.bring({ type: 'VOLUME_CREATED', attempt: 1 });
  await world.arriveAll();
  void world.hotattach('d', 'a', vmOf('1'));
  const second = outcomeOf(world.hotattach('d', 'b', vmOf('2')));
  await settle();
  t.is(second.value, 'nothing yet');
  await world.arriveAll();
  t.like(second.value, { refused: { code: 'LIMIT_REACHED' } });
});

test('a write that fails is answered with STORE_FAILED, and no more changes are accepted', async t => {
  const world = createWorld();
  const answer = outcomeOf(world.create('d'));
  await settle();
  world.batches.shift()?.fail(new Error('EIO'));
  await settle();
  t.like(answer.value, { code: 'STORE_FAILED' });
  t.deepEqual(world.works, []);
  await t.throwsAsync(world.create('e'), { code: 'STORE_FAILED' });
});

test('a write that fails ends the waits of all callers', async t => {
  const world = createWorld();
  const answer = outcomeOf(world.create('d'));
  await world.arriveAll();
  const other = outcomeOf(world.create('e'));
  await settle();
  world.batches.shift()?.fail(new Error('ENOSPC'));
  await settle();
  t.like(answer.value, { code: 'INTERRUPTED' }, 'what was decided is on disk');
  t.like(other.value, { code: 'STORE_FAILED' });
  t.true(world.works[0]?.signal.aborted);
});

test('changes that come while a batch is being written share the next one', async t => {
  const world = createWorld();
  for (const uuid of ['d', 'e', 'f']) void world.create(uuid);
  await settle();
  t.is(world.batches.length, 1);
  world.batches.shift()?.arrive();
  await settle();
  const keys = world.batches[0]?.writes.map(write => write.key).filter(key => key.startsWith('disk/'));
  t.deepEqual(keys, ['disk/e', 'disk/f']);
});

test('two effects of one disk never overlap, and the first one is aborted', async t => {
  const world = createWorld();
  void world.create('d');
  await world.arriveAll();
  world.clock.now = 2000;
  world.system.sweep();
  await world.arriveAll();
  t.is(world.decided.disk('d')?.state, 'deleting');
  t.is(world.works.length, 1);
  t.true(world.works[0]?.signal.aborted);
  world.works[0]?.bring({ type: 'VOLUME_CREATED', attempt: 1 });
  await world.arriveAll();
  t.is(world.works[1]?.note.name, 'deleteVolume');
  t.is(world.decided.disk('d')?.state, 'deleting');
});

test('a deadline that passes is answered, and the late result is not lost', async t => {
  const world = createWorld();
  const answer = outcomeOf(world.create('d'));
  await world.arriveAll();
  world.clock.now = 2000;
  world.system.sweep();
  await world.arriveAll();
  world.works[0]?.bring({ type: 'VOLUME_CREATED', attempt: 1 });
  await world.arriveAll();
  world.works[1]?.bring({ type: 'VOLUME_DELETED', attempt: 2 });
  await world.arriveAll();
  t.like(answer.value, { problem: { code: 'CREATE_TIMEOUT' } });
  t.is(world.decided.disk('d'), undefined);
  t.false(world.disk.has(diskKey('d')));
});

test('a step of which one message is refused changes nothing at all', async t => {
  const world = createWorld();
  const cold = (uuid: string, id: string) => ({
    to: diskKey(uuid),
    event: {
      type: 'ATTACH' as const,
      id,
      disk: uuid,
      node: 'n',
      vmId: '1',
      vm: { ...vmOf('1'), domain: null },
      by: 'a',
      attachments: [],
    },
  });
  for (const uuid of ['d', 'e']) {
    void world.create(uuid);
    await world.arriveAll();
    world.works.shift()?.bring({ type: 'VOLUME_CREATED', attempt: 1 });
    await world.arriveAll();
    void world.system.deliver([cold(uuid, `${uuid}-1`)], { kind: 'request' });
    await world.arriveAll();
  }
  const before = [world.decided.attachment('d-1'), world.decided.attachment('e-1')];
  const detach = { type: 'DETACH' as const, authority: 'frontend' as const, alarm: null };
  const runs = { at: 'running' as const, homeIsSilent: false, defined: [], vm: vmOf('1'), run: RUN };
  const outcome = world.system.deliver(
    [
      { to: attachmentKey('d-1'), event: { ...detach, found: { ...runs, disks: [] }, held: [] } },
      { to: attachmentKey('e-1'), event: { ...detach, found: { ...runs, disks: ['e'] }, held: ['e'] } },
    ],
    { kind: 'request' },
  );
  await world.arriveAll();
  t.like(await outcome, { refused: { code: 'VM_RUNNING' } });
  t.deepEqual([world.decided.attachment('d-1'), world.decided.attachment('e-1')], before);
});

test('an effect that rejects is reported as a fault of pdisk', async t => {
  const world = createWorld();
  void world.create('d');
  await world.arriveAll();
  world.works[0]?.bring(Promise.reject(new Error('a bug')) as never);
  await settle();
  t.deepEqual(
    world.faults.map(error => error.message),
    ['a bug'],
  );
});

test('settled resolves only when everything decided is on disk', async t => {
  const world = createWorld();
  world.create('disk-1').catch(() => {});
  let isSettled = false;
  void world.system.settled().then(() => {
    isSettled = true;
  });
  await settle();
  t.false(isSettled);
  await world.arriveAll();
  t.true(isSettled);
});
