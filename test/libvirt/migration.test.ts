// The events and states of two fakes in complete and failed migrations, as recorded on libvirt 9.0.0.
import test, { type ExecutionContext } from 'ava';
import { AFFECT_LIVE, ERROR } from '../../src/libvirt/constants.ts';
import type { MigrationFailure, MigrationOptions, Phase } from '../../testkit/fakes/libvirtd/migration.ts';
import type { FakeLibvirtd } from '../../testkit/fakes/libvirtd.ts';
import { until } from '../../testkit/until.ts';
import { disk, fakeHost, refusedWith, type Witness, witness } from './support/witness.ts';

interface Settings {
  persistent?: boolean;
  shareable?: boolean;
  options?: MigrationOptions;
}

interface Seen extends Witness {
  readonly fake: FakeLibvirtd;
}

/** A source with a VM `m`, into which disk 1 was plugged, and a destination. */
async function hosts(
  t: ExecutionContext,
  { persistent = true, shareable = false }: Settings = {},
): Promise<{ source: Seen; destination: Seen }> {
  const [from, to] = [await fakeHost(t), await fakeHost(t)];
  const source = { fake: from, ...(await witness(t, from.uri)) };
  const destination = { fake: to, ...(await witness(t, to.uri)) };
  const domain = from.addDomain({ name: 'm', persistent });
  await source.client.attachDevice(domain, disk(1, shareable ? '<shareable/>' : ''), AFFECT_LIVE);
  await source.told('m');
  return { source, destination };
}

const OFF = { id: -1, disks: [] };
const ON = { id: 1, disks: [1] };

test('both hosts report a migration step by step', async t => {
  const { source, destination } = await hosts(t);
  const both = async (phase: Phase) => {
    migration.to(phase);
    const events = [await source.told('m'), await destination.told('m')];
    const states = [await source.sees('m'), await destination.sees('m')];
    return [...events, ...states.map(seen => seen && [seen.id, seen.is, seen.disks])];
  };
  const migration = source.fake.migrate('m', destination.fake, { persistent: true });
  t.deepEqual(await both('preparing'), [[], [], [1, '1,1', [1]], [1, '3,11', [1]]]);
  t.deepEqual(await both('copying'), [[], ['2,1'], [1, '1,1', [1]], [1, '3,2', [1]]]);
  t.deepEqual(await both('switching'), [['3,1'], [], [1, '3,2', [1]], [1, '3,2', [1]]]);
  t.deepEqual(await both('landed'), [[], ['0,0', '4,1'], [1, '3,2', [1]], [1, '1,2', [1]]]);
  t.deepEqual(await both('over'), [['5,3'], [], [-1, '5,4', []], [1, '1,2', [1]]]);
});

test('a transient VM, or one whose definition is removed, is no longer listed at its source', async t => {
  for (const [persistent, options] of [
    [false, {}],
    [true, { undefineSource: true }],
  ] as const) {
    const { source, destination } = await hosts(t, { persistent });
    source.fake.migrate('m', destination.fake, options).to('over');
    t.deepEqual(await source.told('m'), ['3,1', '5,3'], 'no event for the definition');
    t.is(await source.sees('m'), undefined);
    t.deepEqual(await destination.sees('m'), { ...ON, is: '1,2' });
  }
});

test('a source that keeps the definition can start the VM a second time', async t => {
  const { source, destination } = await hosts(t);
  source.fake.migrate('m', destination.fake).to('over');
  source.fake.start('m');
  t.deepEqual(await source.sees('m'), { id: 2, is: '1,1', disks: [] });
  t.deepEqual(await destination.sees('m'), { ...ON, is: '1,2' });
});

test('a plugged disk becomes part of the definition if the VM had none at its source', async t => {
  for (const [persistent, kept] of [
    [true, false],
    [false, true],
  ] as const) {
    const { source, destination } = await hosts(t, { persistent });
    source.fake.migrate('m', destination.fake, { persistent: true }).to('over');
    const definition = await destination.client.domainXml(destination.fake.domain('m'), 2);
    t.is(definition.includes('ua-1'), kept);
  }
});

test('if the VM is defined at the destination, that definition stays', async t => {
  const { source, destination } = await hosts(t);
  const { uuid } = source.fake.domain('m');
  destination.fake.addDomain({ name: 'm', uuid, running: false });
  const migration = source.fake.migrate('m', destination.fake);
  migration.to('copying');
  t.is((await destination.sees('m'))?.is, '3,2');
  migration.fail('aborted');
  t.deepEqual(await destination.sees('m'), { ...OFF, is: '5,6' });
});

const failures: [MigrationFailure, Phase, string[], string | undefined, string[], string | undefined][] = [
  // failure, phase, events of the source, its state, events of the destination, its state
  ['aborted', 'copying', [], '1,1', ['5,5'], undefined],
  ['aborted', 'switching', ['4,1'], '1,6', ['5,5'], undefined],
  ['client-killed', 'copying', [], '1,1', ['6,2', '5,1'], undefined],
  ['destination-daemon-killed', 'copying', [], '1,1', [], undefined],
  ['incoming-destroyed', 'copying', [], '1,1', ['6,2', '5,1'], undefined],
  ['network-cut', 'copying', [], '1,1', ['6,2', '5,1'], undefined],
  ['network-cut', 'switching', [], '3,2', ['6,2', '5,1'], undefined],
  ['source-killed', 'copying', ['5,5'], '5,3', ['5,5'], undefined],
  ['source-killed', 'switching', ['5,5'], '5,3', ['4,1'], '1,2'],
  ['source-destroyed', 'copying', ['6,2', '5,1'], '5,2', ['5,5'], undefined],
  ['destination-stalled', 'switching', ['4,1'], '1,6', [], '3,2'],
];

for (const [how, phase, bySource, sourceIs, byDestination, destinationIs] of failures) {
  test(`a migration that fails while ${phase}: ${how}`, async t => {
    const { source, destination } = await hosts(t);
    const migration = source.fake.migrate('m', destination.fake);
    migration.to(phase);
    await source.told('m');
    await destination.told('m');
    migration.fail(how);
    t.deepEqual([await source.told('m'), await destination.told('m')], [bySource, byDestination]);
    t.deepEqual([(await source.sees('m'))?.is, (await destination.sees('m'))?.is], [sourceIs, destinationIs]);
    t.throws(() => migration.to('over'));
    t.throws(() => migration.fail('aborted'));
  });
}

test('if the source’s libvirtd dies, the VM runs on, and the next libvirtd reports a cancelled migration', async t => {
  const { source, destination } = await hosts(t);
  const migration = source.fake.migrate('m', destination.fake);
  migration.to('switching');
  await destination.told('m');
  await source.fake.stop();
  migration.fail('source-daemon-killed');
  await source.fake.listen();
  t.deepEqual(await destination.told('m'), ['5,5']);
  t.deepEqual(await (await witness(t, source.fake.uri)).sees('m'), { ...ON, is: '1,6' });
});

test('only the lock of the disk stops a destination that has missed the end of a migration', async t => {
  const { source, destination } = await hosts(t);
  const migration = source.fake.migrate('m', destination.fake, { persistent: true });
  migration.to('switching');
  migration.fail('destination-stalled');
  await destination.told('m');
  migration.wake();
  t.deepEqual(await destination.told('m'), ['0,0', '5,5']);
  t.deepEqual(await destination.sees('m'), { ...OFF, is: '5,6' });
  t.deepEqual(await source.sees('m'), { ...ON, is: '1,6' });
});

test('without a lock, the VM then runs on both hosts', async t => {
  const { source, destination } = await hosts(t, { shareable: true });
  const migration = source.fake.migrate('m', destination.fake);
  migration.to('switching');
  migration.fail('destination-stalled');
  await destination.told('m');
  migration.wake();
  t.deepEqual(await destination.told('m'), ['4,1']);
  t.deepEqual(await destination.sees('m'), { ...ON, is: '1,2' });
  t.deepEqual(await source.sees('m'), { ...ON, is: '1,6' });
});

test('in the switch-over the image is not locked: another VM can lock it, and the source cannot resume', async t => {
  const { source, destination } = await hosts(t);
  const rival = source.fake.addDomain({ name: 'rival' });
  const migration = source.fake.migrate('m', destination.fake);
  migration.to('copying');
  await t.throwsAsync(
    source.client.attachDevice(rival, disk(1), AFFECT_LIVE),
    refusedWith(ERROR.INTERNAL),
    'the image is locked while memory is copied',
  );
  migration.to('switching');
  await source.client.attachDevice(rival, disk(1), AFFECT_LIVE);
  migration.fail('network-cut');
  t.throws(() => source.fake.resume('m'), refusedWith(ERROR.INTERNAL));
  t.is((await source.sees('m'))?.is, '3,2');
  source.fake.destroy('rival');
  source.fake.resume('m');
  t.is((await source.sees('m'))?.is, '1,5', 'after the other VM has ended, the source can resume');
});

for (const [end, bySource, left, there] of [
  ['over', ['3,1', '5,3'], { ...OFF, is: '5,4' }, { ...ON, is: '1,2' }],
  ['aborted', ['device-removed'], { id: 1, disks: [], is: '1,1' }, undefined],
] as const) {
  test(`a disk released during the copying is removed only if the source runs on: ${end}`, async t => {
    const { source, destination } = await hosts(t);
    const rival = source.fake.addDomain({ name: 'rival' });
    const migration = source.fake.migrate('m', destination.fake);
    migration.to('copying');
    source.fake.release('m', 'ua-1');
    t.deepEqual(await source.sees('m'), { ...ON, is: '1,1' });
    t.deepEqual(await source.told('m'), []);
    if (end === 'over') await source.client.attachDevice(rival, disk(1), AFFECT_LIVE);
    if (end === 'over') migration.to('over');
    else migration.fail(end);
    t.deepEqual(await source.told('m'), bySource);
    t.deepEqual([await source.sees('m'), await destination.sees('m')], [left, there]);
  });
}

test('a pending unplug request migrates with the VM', async t => {
  const { source, destination } = await hosts(t);
  source.fake.domain('m').pending.add('ua-1');
  source.fake.migrate('m', destination.fake).to('landed');
  await destination.told('m');
  destination.fake.reset('m');
  await until(async () => (await destination.sees('m'))?.disks.length === 0, 'the disk to be removed');
  t.deepEqual(await destination.told('m'), ['device-removed']);
});

test('during a migration changes wait: the destination executes them, the source refuses them', async t => {
  const { source, destination } = await hosts(t);
  const migration = source.fake.migrate('m', destination.fake);
  migration.to('copying');
  const domain = source.fake.domain('m');
  const there = destination.client.attachDevice(domain, disk(2), AFFECT_LIVE);
  const here = t.throwsAsync(
    source.client.attachDevice(domain, disk(3), AFFECT_LIVE),
    refusedWith(ERROR.OPERATION_INVALID),
  );
  await Promise.all([source.client.hostname(), destination.client.hostname()]);
  t.deepEqual((await destination.sees('m'))?.disks, [1]);
  migration.to('over');
  await Promise.all([there, here]);
  t.deepEqual((await destination.sees('m'))?.disks, [1, 2]);
});
