import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { bootGuest, type Guest } from '../../testkit/guest.ts';
import { beforeLibvirtTests, libvirtTest } from '../../testkit/libvirt-test.ts';
import { type Libvirtd, startLibvirtd } from '../../testkit/libvirtd.ts';
import { leftOver } from '../../testkit/nothing-left.ts';
import { until } from '../../testkit/until.ts';

let libvirtd: Libvirtd;
let guest: Guest;
let diskXml: string;

const serial = 'b41c7f0e9a3d4f6c8e2d5a7b9c0d1e2f';

beforeLibvirtTests(async () => {
  libvirtd = await startLibvirtd({ tcp: true });
  guest = await bootGuest(libvirtd, { name: 'rig', persistent: true });
  const image = join(libvirtd.dir, 'disk.img');
  const file = await open(image, 'w');
  await file.truncate(256 * 1024 * 1024);
  await file.close();
  diskXml = join(libvirtd.dir, 'disk.xml');
  await writeFile(
    diskXml,
    `<disk type='file' device='disk'><driver name='qemu' type='raw' cache='none' discard='unmap'/>
     <source file='${image}'/><target dev='vda' bus='virtio'/><serial>${serial}</serial><alias name='ua-rig'/></disk>`,
  );
});

test.after.always(() => libvirtd?.stop());

libvirtTest(
  'a guest formats a hot-plugged disk, and what it wrote is there after unplugging and plugging again',
  async t => {
    await libvirtd.virsh('attach-device', 'rig', diskXml, '--live');
    await guest.waitFor(/^DISK-UP vda serial=b41c7f0e9a3d4f6c8e2d sectors=524288$/m);
    const write = `mke2fs $(disk ${serial}) && mount $(disk ${serial}) /mnt && echo kept > /mnt/file && sync && umount /mnt`;
    t.is((await guest.run(write)).status, 0);

    await libvirtd.virsh('detach-device', 'rig', diskXml, '--live');
    await guest.waitFor(/^DISK-GONE vda$/m);
    t.deepEqual(await leftOver({ libvirtds: [libvirtd] }), []);

    await libvirtd.virsh('attach-device', 'rig', diskXml, '--live');
    t.deepEqual(await guest.run(`mount $(disk ${serial}) /mnt && cat /mnt/file; umount /mnt`), {
      output: 'kept\n',
      status: 0,
    });
    t.deepEqual(await leftOver({ libvirtds: [libvirtd] }), ['live XML of domain rig: ua-rig']);
    await libvirtd.virsh('detach-device', 'rig', diskXml, '--live');
  },
);

libvirtTest('a command in a guest answers exactly what it printed, and its exit status', async t => {
  t.deepEqual(await guest.run('printf "a\\n\\nb"; echo c >&2; exit 3'), { output: 'a\n\nbc\n', status: 3 });
  const long = await guest.run('seq 1 5000');
  t.is(long.output.split('\n').length, 5001);
});

libvirtTest('an unwilling guest keeps a disk that libvirt calls detached, until it is reset', async t => {
  await libvirtd.virsh('attach-device', 'rig', diskXml, '--live');
  t.is((await guest.run(`disk ${serial} && unwilling`)).status, 0);
  await libvirtd.virsh('detach-device-alias', 'rig', 'ua-rig', '--live');
  // A round trip of a command takes longer than a willing guest needs to release a disk.
  t.is((await guest.run(`sleep 1; disk ${serial}`)).status, 0);
  t.deepEqual(await leftOver({ libvirtds: [libvirtd] }), ['live XML of domain rig: ua-rig']);

  const from = guest.mark();
  await libvirtd.virsh('reset', 'rig');
  await until(async () => (await leftOver({ libvirtds: [libvirtd] })).length === 0, 'the disk to go');
  await guest.waitFor(/^GUEST-READY/m, { from, timeoutMs: 90_000 });
  t.pass();
});

libvirtTest('guests outlive a killed libvirtd, which answers by TCP, too', async t => {
  await libvirtd.restart('KILL');
  t.is((await libvirtd.virsh('-c', libvirtd.tcpUri ?? '', 'domstate', 'rig')).trim(), 'running');
  t.is((await guest.run('true')).status, 0);
});

libvirtTest('a guest that was saved and started again goes on', async t => {
  await libvirtd.virsh('managedsave', 'rig');
  await t.throwsAsync(guest.run('true'), { code: 'ENXIO' });
  await libvirtd.virsh('start', 'rig');
  t.is((await guest.run('true')).status, 0);
});

libvirtTest('nothing is left of a libvirtd whose starter was killed', async t => {
  const code = `const { startLibvirtd } = await import('./testkit/libvirtd.ts');
    process.stdout.write((await startLibvirtd()).dir + '\\n');
    setInterval(() => {}, 1000);`;
  const starter = spawn(process.execPath, ['--import=tsx', '--input-type=module', '-e', code]);
  const [line] = await once(starter.stdout.setEncoding('utf8'), 'data', {
    signal: AbortSignal.timeout(60_000),
  });
  const dir = String(line).trim();
  t.true(existsSync(join(dir, 'sock', 'libvirt-sock')));
  starter.kill('SIGKILL');
  await until(() => !existsSync(dir), `${dir} to be removed`);
});
