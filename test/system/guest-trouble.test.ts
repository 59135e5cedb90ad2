// Trouble with a guest, its libvirtd, its pool and the clock. The guest boots in the first test.
import { existsSync, readdirSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { bootGuest, type Guest } from '../../testkit/guest.ts';
import { libvirtTest } from '../../testkit/libvirt-test.ts';
import { holds } from '../../testkit/migration.ts';
import { startService } from '../../testkit/service.ts';
import { until } from '../../testkit/until.ts';
import { subscribe } from '../events/support/subscriber.ts';
import { diskUp, nothingIsLeft, refusal, serialOf, usersOf } from './support/disks.ts';
import {
  beginsToUnplug,
  endsWell,
  hasty,
  hotattach,
  hotdetach,
  isFree,
  libvirtd,
  messageOf,
  patience,
  patient,
  plugged,
  qemuIsAsked,
  small,
  useTrouble,
} from './support/trouble.ts';

const GUEST = 'one-41';
let guest: Guest;

useTrouble();

libvirtTest('a guest that is asked before it has booted keeps its disk, 504, and lets go later', async t => {
  guest = await bootGuest(libvirtd, { name: GUEST, ports: 2, persistent: true, paused: true });
  const uuid = await plugged(t, GUEST, hasty);
  const early = await hotdetach(uuid, GUEST, hasty);
  t.deepEqual(refusal(early), [504, 'GUEST_KEPT_DISK']);
  await libvirtd.virsh('resume', GUEST);
  await guest.waitFor(/^GUEST-READY/m, patience);
  const again = await hotdetach(uuid, GUEST, hasty);
  // QEMU from 8.1 on asks the guest again.
  if (again.status !== 200) {
    t.deepEqual(refusal(again), [504, 'GUEST_KEPT_DISK']);
    t.regex(
      messageOf(again),
      /asked before it had booted answers at its reset, or when another disk is plugged/,
    );
    t.is(await usersOf(hasty, uuid), '1');
    const other = await plugged(t, GUEST, hasty);
    t.is((await hotdetach(other, GUEST, hasty)).status, 200);
    t.is((await hasty.call('DELETE', `/api/disks/${other}`)).status, 200);
  }
  await isFree(uuid, hasty);
  await endsWell(t, hasty, uuid);
});

libvirtTest('libvirtd is killed in the middle of an attach: the disk is plugged once', async t => {
  const uuid = await patient.create();
  const from = guest.mark();
  await guest.signal('STOP');
  const on = hotattach(uuid, GUEST, patient);
  await qemuIsAsked(GUEST);
  await libvirtd.restart('KILL');
  await guest.signal('CONT');
  const reply = await on;
  t.is(reply.status, 200, reply.text);
  t.true(await holds(libvirtd, GUEST, uuid));
  await guest.waitFor(diskUp(uuid), { from });
  t.is((await hotdetach(uuid, GUEST, patient)).status, 200);
  await endsWell(t, patient, uuid);
});

libvirtTest(
  'libvirtd is killed in the middle of a detach from a paused guest: the guest lets go when it resumes',
  async t => {
    const uuid = await plugged(t, GUEST, patient);
    await libvirtd.virsh('suspend', GUEST);
    const { answer } = await beginsToUnplug(uuid, GUEST);
    await libvirtd.restart('KILL');
    t.true(await holds(libvirtd, GUEST, uuid));
    t.is(await usersOf(patient, uuid), '1');
    await libvirtd.virsh('resume', GUEST);
    const reply = await answer;
    t.is(reply.status, 200, reply.text);
    await endsWell(t, patient, uuid);
  },
);

libvirtTest(
  'a paused guest keeps its disk, 504, and the disk is free when the guest has resumed',
  async t => {
    const uuid = await plugged(t, GUEST, hasty);
    await libvirtd.virsh('suspend', GUEST);
    const kept = await hotdetach(uuid, GUEST, hasty);
    t.deepEqual(refusal(kept), [504, 'GUEST_KEPT_DISK']);
    t.regex(messageOf(kept), /did not let go of disk .*it is still attached/);
    t.is(await usersOf(hasty, uuid), '1');
    t.deepEqual(refusal(await hasty.call('DELETE', `/api/disks/${uuid}`)), [400, 'DISK_IN_USE']);
    await libvirtd.virsh('resume', GUEST);
    await isFree(uuid, hasty);
    await endsWell(t, hasty, uuid);
  },
);

libvirtTest(
  'a pool that runs full while a guest writes pauses the guest, and all is written later',
  async t => {
    const uuid = await plugged(t, GUEST, hasty);
    await guest.waitFor(diskUp(uuid));
    await small.fill();
    const writing = guest.run(
      `d=$(disk ${serialOf(uuid)}); head -c 12000000 /dev/urandom > /tmp/w && dd if=/tmp/w of=$d bs=64k oflag=direct 2>/dev/null
    sync; echo 3 > /proc/sys/vm/drop_caches; head -c 12000000 $d | cmp - /tmp/w && echo same; rm /tmp/w`,
      patience,
    );
    const state = async () => (await libvirtd.virsh('domstate', '--reason', GUEST)).trim();
    await until(async () => (await state()) === 'paused (I/O error)', 'the guest to be paused', patience);
    t.is(await usersOf(hasty, uuid), '1');
    const form = { size: '1000', tag: '', visibility: 'private' };
    const refused = await hasty.call('POST', '/api/create', { form });
    t.is(refused.status, 507, refused.text);
    t.regex(messageOf(refused), /the pool has no room for/);

    await small.empty();
    await libvirtd.virsh('resume', GUEST);
    t.deepEqual(await writing, { output: 'same\n', status: 0 });
    const off = await hotdetach(uuid, GUEST, hasty);
    t.is(off.status, 200, off.text);
    await endsWell(t, hasty, uuid);
  },
);

/** libfaketime gives a process another clock, from a file that may change; undefined where it is missing. */
const faketime = readdirSync('/usr/lib')
  .map(name => join('/usr/lib', name, 'faketime', 'libfaketimeMT.so.1'))
  .find(file => existsSync(file));

const clockTest: typeof libvirtTest =
  faketime === undefined ? title => test.skip(`${title} (needs libfaketime)`, () => {}) : libvirtTest;

clockTest(
  'a clock that is set an hour back and a month ahead loses nothing and keeps nobody waiting',
  async t => {
    const file = join(libvirtd.dir, 'clock');
    async function setClock(offset: string): Promise<void> {
      await writeFile(`${file}.new`, `${offset}\n`);
      await rename(`${file}.new`, file);
    }
    await setClock('+0');
    const timed = await startService(
      { nodes: { 'onehost-1': libvirtd.uri }, detach_timeout: 4, reconcile_interval: 2 },
      {
        LD_PRELOAD: faketime ?? '',
        FAKETIME_TIMESTAMP_FILE: file,
        FAKETIME_NO_CACHE: '1',
        // Linux never sets its monotonic clock.
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
        DONT_FAKE_MONOTONIC: '1',
      },
    );
    t.teardown(() => timed.remove());
    const changes = async () => {
      const now = await subscribe(timed.url);
      const { sequence = 0 } = await until(() => now.controls()[0], 'a bookmark', patience);
      now.close();
      const all = await subscribe(timed.url, '?since=0');
      await all.untilSequence(sequence);
      all.close();
      return all.events();
    };
    const hoursSinceFirst = async (): Promise<number> => {
      const times = (await changes()).map(({ time }) => Date.parse(time));
      return Math.round(((times.at(-1) ?? 0) - (times[0] ?? 0)) / 3_600_000);
    };

    const uuid = await plugged(t, GUEST, timed);
    await libvirtd.virsh('suspend', GUEST);
    await setClock('-1h');
    // Its time is up after seconds, not after an hour.
    t.deepEqual(refusal(await hotdetach(uuid, GUEST, timed)), [504, 'GUEST_KEPT_DISK']);
    t.is(await hoursSinceFirst(), -1);
    await libvirtd.virsh('resume', GUEST);
    await isFree(uuid, timed);

    await setClock('+31d');
    t.is((await hotattach(uuid, GUEST, timed)).status, 200);
    t.is(await hoursSinceFirst(), 31 * 24);
    // By age all but the newest would be gone.
    const sequences = (await changes()).map(({ sequence }) => sequence);
    t.deepEqual(
      sequences,
      [...sequences.keys()].map(index => index + 1),
    );
    for (const offset of ['+31d', '+0']) {
      await setClock(offset);
      t.is(await timed.stop(), 0);
      await timed.start();
      t.is(await usersOf(timed, uuid), '1');
      t.true(await holds(libvirtd, GUEST, uuid));
    }
    const off = await hotdetach(uuid, GUEST, timed);
    t.is(off.status, 200, off.text);
    t.is((await timed.call('DELETE', `/api/disks/${uuid}`)).status, 200);
    await nothingIsLeft(t, timed, libvirtd);
  },
);

libvirtTest('a VM that is undefined while it runs keeps its disk, and lets go of it', async t => {
  const uuid = await plugged(t, GUEST, patient);
  await libvirtd.virsh('undefine', GUEST);
  t.is(await usersOf(patient, uuid), '1');
  t.deepEqual(refusal(await patient.call('DELETE', `/api/disks/${uuid}`)), [400, 'DISK_IN_USE']);
  const off = await hotdetach(uuid, GUEST, patient);
  t.is(off.status, 200, off.text);

  t.is((await hotattach(uuid, GUEST, patient)).status, 200);
  await guest.destroy();
  t.deepEqual((await libvirtd.virsh('list', '--all', '--name')).trim(), '');
  await isFree(uuid, patient);
  await endsWell(t, patient, uuid);
});
