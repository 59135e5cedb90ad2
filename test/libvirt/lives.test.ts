// The fake's events and states over the life of a VM, each as recorded with libvirt 9.0.0 and QEMU 7.2.
import test, { type ExecutionContext } from 'ava';
import { AFFECT_LIVE, ERROR } from '../../src/libvirt/constants.ts';
import type { FakeLibvirtd } from '../../testkit/fakes/libvirtd.ts';
import { gate } from '../../testkit/latch.ts';
import { disk, fakeHost, refusedWith, type Witness, witness } from './support/witness.ts';

interface Seen extends Witness {
  readonly fake: FakeLibvirtd;
}

async function host(t: ExecutionContext): Promise<Seen> {
  const fake = await fakeHost(t);
  return { fake, ...(await witness(t, fake.uri)) };
}

/** A host with a running VM `m`, into which disk 1 was plugged. */
async function running(t: ExecutionContext, settings: { persistent?: boolean } = {}): Promise<Seen> {
  const seen = await host(t);
  const domain = seen.fake.addDomain({ name: 'm', ...settings });
  await seen.client.attachDevice(domain, disk(1), AFFECT_LIVE);
  t.deepEqual(await seen.told('m'), ['4,0', '2,0', 'device-added']);
  return seen;
}

/** Kills libvirtd, calls `meanwhile`, and watches the next libvirtd. */
async function next(t: ExecutionContext, { fake }: Seen, meanwhile = (): void => {}): Promise<Seen> {
  await fake.stop();
  meanwhile();
  await fake.listen();
  return { fake, ...(await witness(t, fake.uri)) };
}

test('a start has the events resumed and then started', async t => {
  const { fake, told, sees } = await host(t);
  fake.addDomain({ name: 'm', running: false });
  t.deepEqual(await sees('m'), { id: -1, is: '5,0', disks: [] });
  fake.start('m');
  t.deepEqual(await told('m'), ['4,0', '2,0']);
  t.deepEqual(await sees('m'), { id: 1, is: '1,1', disks: [] });
});

const ends: [string, (fake: FakeLibvirtd) => void, string[], string][] = [
  ['switched off inside', fake => fake.poweroff('m'), ['6,1', '5,0'], '5,1'],
  ['destroyed', fake => fake.destroy('m'), ['6,2', '5,1'], '5,2'],
  ['killed', fake => fake.kill('m'), ['5,5'], '5,3'],
  ['in managed save', fake => fake.save('m'), ['3,0', '5,4'], '5,5'],
  ['saved to a file', fake => void fake.saveToFile('m'), ['3,0', '5,4'], '5,5'],
  ['gone to another host', fake => fake.migrateAway('m'), ['3,1', '5,3'], ''],
];

for (const [what, act, events, state] of ends) {
  test(`a VM that is ${what} has the right events and state, and a new libvirtd does not know the reason`, async t => {
    const seen = await running(t);
    act(seen.fake);
    t.deepEqual(await seen.told('m'), events);
    const off = (is: string) => (is === '' ? undefined : { id: -1, is, disks: [] });
    t.deepEqual(await seen.sees('m'), off(state));
    t.deepEqual(await (await next(t, seen)).sees('m'), off(state && '5,0'));
  });
}

test('a transient VM is no longer listed after its end', async t => {
  const seen = await running(t, { persistent: false });
  t.true(
    (await seen.client.domainXml(seen.fake.domain('m'), 2)).includes('ua-1'),
    'it is its own definition',
  );
  seen.fake.destroy('m');
  t.is(await seen.sees('m'), undefined);
});

test('a VM that ended without a libvirtd is "crashed" for the next one, without an event', async t => {
  const seen = await running(t);
  const after = await next(t, seen, () => seen.fake.poweroff('m'));
  t.deepEqual(await after.told('m'), []);
  t.deepEqual(await after.sees('m'), { id: -1, is: '5,3', disks: [] });
  t.deepEqual(await (await next(t, after)).sees('m'), { id: -1, is: '5,0', disks: [] });
});

test('if only the connection was cut, libvirtd knows why a VM has ended', async t => {
  const { fake } = await running(t);
  await fake.cut();
  fake.destroy('m');
  await fake.listen();
  const after = await witness(t, fake.uri);
  t.deepEqual(await after.sees('m'), { id: -1, is: '5,2', disks: [] });
});

test('ids count upwards; a new libvirtd continues after the highest id in use', async t => {
  const seen = await running(t);
  const ids = async (of: Seen) => (await of.sees('m'))?.id;
  for (const id of [2, 3]) {
    seen.fake.destroy('m');
    seen.fake.start('m');
    t.is(await ids(seen), id);
  }
  const after = await next(t, seen);
  t.deepEqual(await after.sees('m'), { id: 3, is: '1,1', disks: [] }, 'a running VM keeps its id');
  seen.fake.destroy('m');
  const last = await next(t, after);
  seen.fake.start('m');
  t.is(await ids(last), 1);
});

test('a reset has no lifecycle event, and keeps the run and the disks', async t => {
  const { fake, told, sees } = await running(t);
  fake.reset('m');
  t.deepEqual(await told('m'), []);
  t.deepEqual(await sees('m'), { id: 1, is: '1,1', disks: [1] });
});

test('a managed save is restored with its plugged disk', async t => {
  const { fake, client, told, sees } = await running(t);
  fake.save('m');
  t.true(await client.hasManagedSave(fake.domain('m')));
  await told('m');
  fake.start('m');
  t.deepEqual(await told('m'), ['2,2', '4,2']);
  t.deepEqual(await sees('m'), { id: 2, is: '1,3', disks: [1] });
});

test('a managed save with a locked disk fails to start, without an event, and is kept', async t => {
  const { fake, client, told, sees } = await running(t);
  fake.save('m');
  await told('m');
  const rival = fake.addDomain({ name: 'rival' });
  await client.attachDevice(rival, disk(1), AFFECT_LIVE);
  t.throws(() => fake.start('m'), refusedWith(ERROR.INTERNAL));
  t.deepEqual(await told('m'), []);
  t.is((await sees('m'))?.is, '5,6');
  t.true(await client.hasManagedSave(fake.domain('m')));
  fake.destroy('rival');
  fake.start('m');
  t.deepEqual((await sees('m'))?.disks, [1]);
});

for (const persistent of [true, false]) {
  test(`a VM saved to a file can be restored on any host with its disk (definition: ${persistent})`, async t => {
    const here = await running(t, { persistent });
    const there = await host(t);
    const saved = here.fake.saveToFile('m');
    t.is((await here.sees('m'))?.is, persistent ? '5,5' : undefined);
    if (persistent) t.false(await here.client.hasManagedSave(here.fake.domain('m')));
    there.fake.restore(saved);
    t.deepEqual(await there.told('m'), ['2,2', '4,2']);
    t.deepEqual(await there.sees('m'), { id: 1, is: '1,3', disks: [1] });
    there.fake.destroy('m');
    here.fake.restore(saved);
    t.deepEqual(await here.sees('m'), { id: 2, is: '1,3', disks: [1] }, 'restored again on the first host');
  });
}

test('a revert to a snapshot begins a new run, with a disk that was unplugged since', async t => {
  const { fake, client, told, sees } = await running(t);
  fake.snapshot('m');
  await client.detachDeviceByAlias(fake.domain('m'), 'ua-1', AFFECT_LIVE);
  fake.release('m', 'ua-1');
  await told('m');
  fake.revert('m');
  t.deepEqual(await told('m'), ['5,6', '2,3', '4,2', '0,3']);
  t.deepEqual(await sees('m'), { id: 2, is: '1,4', disks: [1] });
});

test('an attach that waited behind a start is executed on the new run', async t => {
  const { fake, client, sees } = await running(t);
  fake.destroy('m');
  const other = await witness(t, fake.uri);
  const { opened, open } = gate();
  fake.faults.inject('domainCreateWithFlags', { kind: 'delay', until: opened });
  const start = other.client.startDomain(fake.domain('m'));
  await other.client.hostname();
  const attach = client.attachDevice(fake.domain('m'), disk(2), AFFECT_LIVE);
  open();
  await Promise.all([start, attach]);
  t.deepEqual(await sees('m'), { id: 2, is: '1,1', disks: [2] });
});

test('a call that waits for a job is executed on the run of that moment, even if its client is gone', async t => {
  const { fake, client } = await running(t);
  const release = fake.hold('m');
  const lost = t.throwsAsync(client.attachDevice(fake.domain('m'), disk(2), AFFECT_LIVE));
  await client.hostname();
  await fake.cut();
  await lost;
  fake.destroy('m');
  fake.start('m');
  release();
  await fake.listen();
  t.deepEqual((await (await witness(t, fake.uri)).sees('m'))?.disks, [2]);
});

test('a call that waits for a job when libvirtd dies is never executed', async t => {
  const seen = await running(t);
  const release = seen.fake.hold('m');
  const lost = t.throwsAsync(seen.client.attachDevice(seen.fake.domain('m'), disk(2), AFFECT_LIVE));
  await seen.client.hostname();
  const after = await next(t, seen, release);
  await lost;
  t.deepEqual((await after.sees('m'))?.disks, [1]);
});

test('a VM that is defined while it runs has the new definition at its next start', async t => {
  const { fake, client, told, sees } = await running(t);
  const live = await client.domainXml(fake.domain('m'));
  await client.defineXml(live);
  t.deepEqual(await told('m'), ['0,1']);
  fake.destroy('m');
  fake.start('m');
  t.deepEqual((await sees('m'))?.disks, [1], 'the plugged disk is part of the definition');
});
