// Volumes without records and records without volumes, in a real volume group, through the service.
import { randomUUID } from 'node:crypto';
import { startService } from '../../testkit/service.ts';
import { until } from '../../testkit/until.ts';
import { readAt, writeAt } from '../storage/support/pool-suite.ts';
import { createVolumeGroup, extentsOf, firstNonZero, guestTest, run } from './support/guest.ts';

const GIB = 2 ** 30;
const LONG = { timeoutMs: 240_000 };
const secret = Buffer.alloc(4096, 'secret');

const KINDS = [
  { vg: 'thickly', size: ['--size', '1g'], thinPoolGiB: undefined, pool: 'lvm:thickly' },
  {
    vg: 'thinly',
    size: ['--type', 'thin', '--thinpool', 'pool', '--virtualsize', '1g'],
    thinPoolGiB: 10,
    pool: 'lvm:thinly/pool',
  },
] as const;

for (const { vg, size, thinPoolGiB, pool } of KINDS) {
  const deviceOf = (uuid: string): string => `/dev/${vg}/pdisk-${uuid}`;

  /** Creates a volume by hand, not through the service. */
  async function createVolume(uuid: string, ...tags: readonly string[]): Promise<void> {
    const options = [...tags.flatMap(tag => ['--addtag', tag]), '--name', `pdisk-${uuid}`, ...size];
    await run('lvcreate', '--quiet', '--yes', ...options, vg);
    for (const at of [0, GIB - 4096]) await writeAt(deviceOf(uuid), at, secret);
  }

  /** Reads physical extents directly. */
  async function firstNonZeroIn(extents: string): Promise<number | undefined> {
    const asIs = ['--zero', 'n', '--wipesignatures', 'n', '--extents', '100%PVS', '--name', 'look'];
    await run('lvcreate', '--quiet', '--yes', ...asIs, vg, extents);
    return firstNonZero(`/dev/${vg}/look`);
  }

  guestTest.serial(
    `a volume without a record is kept until it is adopted or removed by request, a record without a volume is reported (${pool})`,
    async t => {
      const group = await createVolumeGroup(vg, thinPoolGiB);
      const service = await startService({ pool, nodes: {}, reconcile_interval: 1 });
      t.teardown(async () => {
        if (!t.passed) t.log(service.log().slice(-3000));
        await service.remove();
        await group.remove();
      });
      const logged = (uuid: string, message: RegExp): boolean =>
        service
          .log()
          .split('\n')
          .some(line => line.includes(uuid) && message.test(line));

      const [leftover, found, others] = [randomUUID(), randomUUID(), randomUUID()];
      for (const uuid of [leftover, found]) await createVolume(uuid, 'pdisk', `pdisk.uuid=${uuid}`);
      await createVolume(others);
      const [kept, lost] = [await service.create(), await service.create()];
      await writeAt(deviceOf(kept), 0, secret);
      await until(() => logged(leftover, /belongs to no disk; it is kept/), 'the report', LONG);
      await service.kill();
      await run('lvremove', '--quiet', '--yes', `${vg}/pdisk-${lost}`);
      await service.start();
      await until(
        () => logged(lost, /disk has no volume in the pool/),
        'the report of the lost volume',
        LONG,
      );
      const before = [leftover, found, others, kept].map(uuid => `pdisk-${uuid}`);
      t.deepEqual((await group.volumes()).sort(), before.sort());
      const extents = await extentsOf(vg, leftover);

      const listed = (await service.call('GET', '/api/leftovers')).body as { uuid: string; size: number }[];
      t.deepEqual(
        listed.map(({ uuid, size }) => [uuid, size]).sort(),
        [leftover, found].sort().map(uuid => [uuid, GIB]),
      );
      const form = { owner: 'admin', tag: 'found', visibility: 'private' };
      t.is((await service.call('POST', `/api/leftovers/${found}/adopt`, { form })).status, 200);
      t.like((await service.call('GET', `/api/disks/${found}`)).body, {
        tag: 'found',
        size: '1',
        users: '0',
      });
      t.is((await service.call('POST', `/api/leftovers/${leftover}/remove`)).status, 200);
      const gone = async () => !(await group.volumes()).includes(`pdisk-${leftover}`);
      await until(gone, 'the volume to be wiped and removed', LONG);
      t.deepEqual((await service.call('GET', '/api/leftovers')).body, []);
      const drift = (await service.call('GET', '/api/drift')).body as { kind: string; disk: string }[];
      t.deepEqual(
        drift.map(({ kind, disk }) => [kind, disk]),
        [
          ['volume-lost', lost],
          ['stranger', others],
        ],
      );
      t.deepEqual((await group.volumes()).sort(), [found, others, kept].map(uuid => `pdisk-${uuid}`).sort());
      for (const uuid of [found, others, kept]) t.deepEqual(await readAt(deviceOf(uuid), 0, 4096), secret);
      if (thinPoolGiB === undefined) t.is(await firstNonZeroIn(extents), undefined);
    },
  );
}
