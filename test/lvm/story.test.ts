// The README's story with a real volume group, a real libvirtd and nested guests.
import test from 'ava';
import { bootGuest, type Guest } from '../../testkit/guest.ts';
import { type Libvirtd, startLibvirtd } from '../../testkit/libvirtd.ts';
import { leftOver } from '../../testkit/nothing-left.ts';
import { type Service, startService } from '../../testkit/service.ts';
import { until } from '../../testkit/until.ts';
import {
  createVolumeGroup,
  extentsOf,
  firstNonZero,
  guestTest,
  inGuest,
  run,
  type VolumeGroup,
} from './support/guest.ts';

const VG = 'story';
/** In milliseconds: the guest is an emulation in an emulation. */
const BOOT_MS = 400_000;
const SLOW_MS = 300_000;
const timeouts = { attach_timeout: 300, detach_timeout: 300, create_timeout: 300 };
const on = (vm: string) => ({ form: { node: 'n', vm_id: vm } });
const serialOf = (uuid: string): string => uuid.replaceAll('-', '');

let group: VolumeGroup;
let libvirtd: Libvirtd;
let service: Service;
let guests: Record<'a' | 'b', Guest>;

if (inGuest) {
  test.serial.before(async t => {
    t.timeout(2 * BOOT_MS);
    group = await createVolumeGroup(VG);
    libvirtd = await startLibvirtd();
    const saved = process.env.PDISK_SAVED_GUESTS;
    const options = { ports: 2, bootMs: BOOT_MS, ...(saved ? { saved } : {}) };
    const [a, b] = await Promise.all([
      bootGuest(libvirtd, { name: 'one-7', ...options }),
      bootGuest(libvirtd, { name: 'one-8', ...options }),
    ]);
    guests = { a, b };
    service = await startService({ pool: `lvm:${VG}`, nodes: { n: libvirtd.uri }, ...timeouts });
  });
}

test.after.always(async () => {
  await service?.remove();
  await libvirtd?.stop();
  await group?.remove();
});

test.afterEach.always(t => {
  if (!t.passed) t.log(service?.log().slice(-3000));
});

const status = async (method: string, path: string, more = {}): Promise<string> => {
  const reply = await service.call(method, path, more);
  return `${reply.status} ${reply.headers.get('x-error-code') ?? ''}`.trim();
};

guestTest.serial('a disk grows under a guest, moves to another, and leaves no byte behind', async t => {
  t.timeout(3 * SLOW_MS);
  const { a, b } = guests;
  const uuid = await service.create();
  const device = `/dev/${VG}/pdisk-${uuid}`;
  t.is(await status('POST', `/api/hotattach/${uuid}`, on('7')), '200');
  await a.waitFor(new RegExp(`DISK-UP \\S+ serial=${serialOf(uuid).slice(0, 20)}`), { timeoutMs: SLOW_MS });
  const write = `yes secret | head -c 65536 > $(disk ${serialOf(uuid)}); sync; head -c 65536 $(disk ${serialOf(uuid)}) | sha256sum`;
  const written = await a.run(write, { timeoutMs: SLOW_MS });
  t.is(written.status, 0, written.output);

  t.is(await status('POST', `/api/resize/${uuid}`, { form: { size: '2' } }), '200');
  t.is(await status('POST', `/api/resize/${uuid}`, { form: { size: '1' } }), '422 NOT_LARGER');
  const size = `cat /sys/block/$(basename $(disk ${serialOf(uuid)}))/size`;
  const sectors = await until(
    async () => {
      const { output } = await a.run(size, { timeoutMs: SLOW_MS });
      return output.trim() === '4194304' && output;
    },
    'the guest to see 2 GiB',
    { timeoutMs: SLOW_MS },
  );
  t.is(sectors.trim(), '4194304');

  t.is(await status('DELETE', `/api/disks/${uuid}`), '400 DISK_IN_USE');
  t.is(await status('POST', `/api/hotdetach/${uuid}`, on('7')), '200');
  t.is(await status('POST', `/api/hotattach/${uuid}`, on('8')), '200');
  await b.waitFor(new RegExp(`DISK-UP \\S+ serial=${serialOf(uuid).slice(0, 20)}`), { timeoutMs: SLOW_MS });
  const read = await b.run(`head -c 65536 $(disk ${serialOf(uuid)}) | sha256sum`, { timeoutMs: SLOW_MS });
  t.is(read.output, written.output);
  t.is(await status('POST', `/api/hotdetach/${uuid}`, on('8')), '200');

  const extents = await extentsOf(VG, uuid);
  t.regex(await run('head', '-c', '14', device), /^secret\nsecret\n$/);
  t.is(await status('DELETE', `/api/disks/${uuid}`), '200');
  t.is(await status('DELETE', `/api/disks/${uuid}`), '400 DISK_UNKNOWN');
  await until(async () => (await group.leftOver()).length === 0, 'the volume to be wiped and removed', {
    timeoutMs: SLOW_MS,
  });

  const next = await service.create(2);
  t.is(await extentsOf(VG, next), extents);
  t.is(await firstNonZero(`/dev/${VG}/pdisk-${next}`), undefined);
  t.is(await status('DELETE', `/api/disks/${next}`), '200');
  await until(async () => (await group.leftOver()).length === 0, 'the second volume to go', {
    timeoutMs: SLOW_MS,
  });
  t.deepEqual(await leftOver({ libvirtds: [libvirtd] }), []);
});
