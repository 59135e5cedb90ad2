import test from 'ava';
import { bootGuest, type Guest } from '../../testkit/guest.ts';
import { beforeLibvirtTests, libvirtTest } from '../../testkit/libvirt-test.ts';
import { type Libvirtd, startLibvirtd } from '../../testkit/libvirtd.ts';
import { type Service, startService } from '../../testkit/service.ts';
import { nothingIsLeft, on, serialOf } from './support/disks.ts';

let libvirtd: Libvirtd;
let service: Service;
let guest: Guest;

beforeLibvirtTests(async () => {
  libvirtd = await startLibvirtd();
  guest = await bootGuest(libvirtd, { name: 'one-7' });
  service = await startService({ nodes: { 'onehost-1': libvirtd.uri } });
});

test.after.always(async () => {
  await service?.remove();
  await libvirtd?.stop();
});

const up = (uuid: string, sectors: number): RegExp =>
  new RegExp(`^DISK-UP \\S+ serial=${serialOf(uuid).slice(0, 20)} sectors=${sectors}$`, 'm');

libvirtTest('a running guest sees its disk grow, and can use what was added', async t => {
  const uuid = await service.create();
  const resize = (size: string) => service.call('POST', `/api/resize/${uuid}`, { form: { size } });
  t.is((await service.call('POST', `/api/hotattach/${uuid}`, on('7'))).status, 200);
  await guest.waitFor(up(uuid, 2 * 2 ** 20));
  const disk = `$(disk ${serialOf(uuid)})`;
  const make = await guest.run(
    `mke2fs -q ${disk} && mount ${disk} /mnt && echo kept > /mnt/file; umount /mnt`,
  );
  t.is(make.status, 0, make.output);

  const grown = await resize('2');
  t.deepEqual([grown.status, grown.body], [200, { uuid, size: '2' }]);
  await guest.waitFor(up(uuid, 4 * 2 ** 20));
  const last = 'bs=1M count=1 seek=2047 conv=notrunc';
  const write = await guest.run(`yes added | dd of=${disk} iflag=fullblock ${last} && sync`);
  t.is(write.status, 0, write.output);

  const refused = await resize('1');
  t.deepEqual([refused.status, refused.headers.get('x-error-code')], [422, 'NOT_LARGER']);
  const after = await guest.run(
    `mount ${disk} /mnt && cat /mnt/file; umount /mnt; cat /sys/block/*/size | sort -n | tail -n 1`,
  );
  t.is(after.output, 'kept\n4194304\n');

  t.is((await service.call('POST', `/api/hotdetach/${uuid}`, on('7'))).status, 200);
  const from = guest.mark();
  t.is((await resize('3')).status, 200);
  t.is((await service.call('POST', `/api/hotattach/${uuid}`, on('7'))).status, 200);
  await guest.waitFor(up(uuid, 6 * 2 ** 20), { from });
  const read = await guest.run(`dd if=${disk} bs=1M skip=2047 count=1 2> /dev/null | head -c 6`);
  t.is(read.output, 'added\n');
  t.is((await service.call('POST', `/api/hotdetach/${uuid}`, on('7'))).status, 200);
  t.is((await service.call('DELETE', `/api/disks/${uuid}`)).status, 200);
  await nothingIsLeft(t, service, libvirtd);
});
