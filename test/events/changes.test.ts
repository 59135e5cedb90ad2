import test from 'ava';
import { attachmentKey, diskKey } from '../../machines/notes.ts';
import { eventMessage } from '../../src/api/text/event-text.ts';
import { type EventRecord, kinds } from '../../src/store/records.ts';
import { type Batch, createWorld, RUN, settle, vmOf } from '../disks/support/world.ts';

type World = ReturnType<typeof createWorld>;

/** Waits until all pending work is done; resolves with the batches that were written. */
async function arrive(world: World): Promise<Batch[]> {
  const seen: Batch[] = [];
  await settle();
  for (let batch = world.batches.shift(); batch; batch = world.batches.shift()) {
    seen.push(batch);
    batch.arrive();
    await settle();
  }
  return seen;
}

const eventsIn = ({ writes }: Batch): EventRecord[] =>
  writes.flatMap(({ key, value }) => (key.startsWith('event/') ? kinds.event.schema.parse(value) : []));

const brief = ({ type, from, to, attachment }: EventRecord) => [type, from, to, attachment?.id ?? null];

async function made(): Promise<World> {
  const world = createWorld();
  void world.create('d');
  await arrive(world);
  world.works.shift()?.bring({ type: 'VOLUME_CREATED', attempt: 1 });
  await arrive(world);
  return world;
}

test('every record that changes has an event of its own in the very same batch', async t => {
  const world = await made();
  void world.hotattach('d', 'a', vmOf('1'));
  const batches = await arrive(world);
  world.works.shift()?.bring({ type: 'PLUGGED', attempt: 1, run: RUN });
  batches.push(...(await arrive(world)));
  const vm = { ...vmOf('1'), host: 'm', node: 'm' };
  const found = {
    at: 'running' as const,
    homeIsSilent: false,
    defined: [],
    vm,
    run: { host: 'host of m', id: 4 },
    disks: ['d'],
  };
  void world.send(attachmentKey('a'), { type: 'FOUND', found, alarm: null });
  batches.push(...(await arrive(world)));
  void world.send(attachmentKey('a'), { type: 'HOTDETACH' });
  batches.push(...(await arrive(world)));
  world.works.shift()?.bring({ type: 'UNPLUGGED', attempt: 2 });
  batches.push(...(await arrive(world)));
  for (const batch of batches) {
    const told = eventsIn(batch).map(({ subject, attachment }) =>
      attachment ? attachmentKey(attachment.id) : diskKey(subject),
    );
    const changed = batch.writes.map(({ key }) => key).filter(key => !key.startsWith('event/'));
    t.deepEqual([...new Set(told)].sort(), changed.sort());
  }
  t.deepEqual(batches.flatMap(eventsIn).map(brief), [
    ['disk.state-changed', 'available', 'hot-attached', null],
    ['disk.state-changed', null, 'attaching', 'a'],
    ['disk.attached', 'attaching', 'hot-attached', 'a'],
    ['disk.updated', 'hot-attached', 'hot-attached', 'a'],
    ['disk.state-changed', 'hot-attached', 'detaching', 'a'],
    ['disk.detached', 'detaching', 'released', 'a'],
    ['disk.state-changed', 'hot-attached', 'available', null],
  ]);
});

test('events are numbered without a gap over everything, and tell the deadline of what is waited for', async t => {
  const world = await made();
  void world.hotattach('d', 'a', vmOf('1'));
  await arrive(world);
  world.works.shift()?.bring({ type: 'PLUGGED', attempt: 1, run: RUN });
  await arrive(world);
  t.deepEqual(
    world.published.map(event => event.sequence),
    [1, 2, 3, 4, 5],
  );
  const deadlines = world.published.map(({ to, deadline }) => [to, deadline]);
  t.deepEqual(deadlines, [
    ['creating', 1000],
    ['available', null],
    ['hot-attached', null],
    ['attaching', 1000],
    ['hot-attached', null],
  ]);
});

test('an event holds the disk after the change, also the last event of a disk', async t => {
  const world = await made();
  void world.hotattach('d', 'a', vmOf('1'));
  await arrive(world);
  t.deepEqual(
    world.published.slice(-2).map(({ disk }) => disk?.users),
    [1, 1],
  );
  world.works
    .shift()
    ?.bring({ type: 'PLUG_REFUSED', attempt: 1, problem: { code: 'VM_STOPPED', detail: '' } });
  await arrive(world);
  t.deepEqual(
    world.published.slice(-2).map(({ disk }) => disk?.users),
    [0, 0],
  );
  void world.send(diskKey('d'), { type: 'DELETE', wipe: false, holder: null });
  await arrive(world);
  world.works.shift()?.bring({ type: 'VOLUME_DELETED', attempt: 2 });
  await arrive(world);
  const last = world.published.at(-1);
  t.like(last, { type: 'disk.deleted', to: 'deleted', disk: { uuid: 'd', owner: 'alice' } });
});

test('what a deadline or a restart does has its own cause', async t => {
  const world = createWorld();
  void world.create('d');
  await arrive(world);
  world.clock.now = 2000;
  world.system.sweep();
  await arrive(world);
  t.deepEqual(
    world.published.map(({ cause }) => cause.kind),
    ['request', 'timeout'],
  );
});

test('the reason that an administrator gave is in every event that follows, on disk as well', async t => {
  const world = await made();
  const cause = { kind: 'request', request: 'r', account: 'admin', reason: 'the host burnt down' } as const;
  void world.system.deliver(
    [{ to: diskKey('d'), event: { type: 'DELETE', wipe: true, holder: null } }],
    cause,
  );
  const [batch] = await arrive(world);
  for (const event of batch ? eventsIn(batch) : []) t.like(event.cause, cause);
  t.is(world.published.at(-1)?.type, 'disk.deleted');
  world.works.shift()?.bring({ type: 'WIPED', attempt: 2, bytes: 2 ** 30, of: 2 ** 30 });
  await arrive(world);
  t.is(world.published.at(-1)?.cause.reason, 'the host burnt down');
});

test('a creation and a resize that fail are events of their own, with the reason', async t => {
  const world = createWorld();
  void world.create('d');
  await arrive(world);
  world.works.shift()?.bring({
    type: 'VOLUME_FAILED',
    attempt: 1,
    problem: { code: 'VOLUME_FAILED', detail: 'EIO' },
  });
  await arrive(world);
  world.works.shift()?.bring({ type: 'VOLUME_DELETED', attempt: 2 });
  const undone = (await arrive(world)).flatMap(eventsIn);
  t.deepEqual(undone.map(brief), [['disk.create-failed', 'deleting', 'deleted', null]]);
  t.deepEqual(undone[0]?.problem, { code: 'VOLUME_FAILED', detail: 'EIO' });
  t.deepEqual(undone[0] && eventMessage(undone[0], true).data.reason, {
    code: 'VOLUME_FAILED',
    message: `the volume of disk ${undone[0]?.subject} could not be made: EIO`,
  });
  t.is(undone[0] && eventMessage(undone[0], false).data.reason, null);

  const other = await made();
  const growth = { sizeGiB: 9, roomGiB: 99, quotaGiB: 99, attaching: false };
  void other.send(diskKey('d'), { type: 'RESIZE', ...growth });
  await arrive(other);
  other.works.shift()?.bring({
    type: 'NOT_RESIZED',
    attempt: 2,
    problem: { code: 'GROW_FAILED', detail: 'ENOSPC' },
  });
  const stayed = (await arrive(other)).flatMap(eventsIn);
  t.deepEqual(stayed.map(brief), [['disk.resize-failed', 'growing', 'available', null]]);
  t.deepEqual(stayed[0]?.problem, { code: 'GROW_FAILED', detail: 'ENOSPC' });
});
