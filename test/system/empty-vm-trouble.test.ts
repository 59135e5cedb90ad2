// Trouble with VMs in which nothing runs: they need no time to boot, and never let go of a disk.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { bootGuest, type Guest } from '../../testkit/guest.ts';
import { libvirtTest } from '../../testkit/libvirt-test.ts';
import { until } from '../../testkit/until.ts';
import { refusal, usersOf } from './support/disks.ts';
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
  useTrouble,
} from './support/trouble.ts';

useTrouble();

async function emptyVm(t: ExecutionContext, name: string, ports = 1): Promise<Guest> {
  t.teardown(() => libvirtd.virsh('destroy', name).catch(() => undefined));
  return bootGuest(libvirtd, { name, ports, hasOs: false });
}

libvirtTest('a VM without an operating system keeps its disk, 504, until it ends', async t => {
  const name = 'one-42';
  const empty = await emptyVm(t, name);
  const uuid = await plugged(t, name, hasty);
  const kept = await hotdetach(uuid, name, hasty);
  t.deepEqual(refusal(kept), [504, 'GUEST_KEPT_DISK'], kept.text);
  t.log(messageOf(kept));
  t.is(await usersOf(hasty, uuid), '1');
  await empty.destroy();
  await isFree(uuid, hasty);
  await endsWell(t, hasty, uuid);
});

libvirtTest('QEMU is killed in the middle of a detach: the disk is free', async t => {
  const name = 'one-43';
  await emptyVm(t, name);
  const uuid = await plugged(t, name, patient);
  const { answer } = await beginsToUnplug(uuid, name);
  await libvirtd.killGuest(name);
  const reply = await answer;
  t.is(reply.status, 200, reply.text);
  t.is(await usersOf(patient, uuid), '0');
  await endsWell(t, patient, uuid);
});

libvirtTest(
  'QEMU is killed in the middle of an attach: the answer says so, and the disk is free',
  async t => {
    const name = 'one-44';
    const empty = await emptyVm(t, name);
    const uuid = await patient.create();
    await empty.signal('STOP');
    const on = hotattach(uuid, name, patient);
    await qemuIsAsked(name);
    await libvirtd.killGuest(name);
    const reply = await on;
    // If libvirt shows by then that the VM has ended, it is not known what it ended with.
    t.regex(
      `${refusal(reply)} ${messageOf(reply)}`,
      /^400,VM_STOPPED VM 'one-44' .* stopped while disk .* was being attached|^504,PLUG_UNKNOWN it is not known yet whether disk .* was plugged into VM 'one-44' .*monitor.*; it stays accounted for/,
    );
    await isFree(uuid, patient);
    await endsWell(t, patient, uuid);
  },
);

libvirtTest(
  'a VM takes 26 disks, the 27th is refused with the reason, and all are free when the VM ends',
  async t => {
    const name = 'one-45';
    const empty = await emptyVm(t, name, 27);
    const uuids: string[] = [];
    for (let disk = 0; disk < 26; disk += 1) uuids.push(await plugged(t, name, patient));
    const last = await patient.create();
    const refused = await hotattach(last, name, patient);
    t.deepEqual(refusal(refused), [400, 'NO_FREE_TARGET']);
    t.regex(messageOf(refused), /VM 'one-45' .* has no free target for disk .* \(vda to vdz\)/);
    t.is(await usersOf(patient, last), '0');
    await empty.destroy();
    for (const uuid of uuids) await isFree(uuid, patient);
    await endsWell(t, patient, ...uuids, last);
  },
);

libvirtTest('a VM without a free PCI slot is told so, and the disk is free', async t => {
  const name = 'one-46';
  const empty = await emptyVm(t, name, 1);
  const first = await plugged(t, name, patient);
  const second = await patient.create();
  const refused = await hotattach(second, name, patient);
  t.deepEqual(refusal(refused), [400, 'NO_PCI_SLOT']);
  t.regex(messageOf(refused), /VM 'one-46' .* has no free PCI slot for disk /);
  t.is(await usersOf(patient, second), '0');
  await empty.destroy();
  await isFree(first, patient);
  await endsWell(t, patient, first, second);
});

libvirtTest('an image that was removed behind our back is reported, and its disk can be deleted', async t => {
  const name = 'one-47';
  const empty = await emptyVm(t, name, 1);
  const [lost, held] = [await patient.create(), await plugged(t, name, patient)];
  for (const uuid of [lost, held]) await rm(join(patient.pool, `${uuid}.raw`));
  const refused = await hotattach(lost, name, patient);
  t.deepEqual(refusal(refused), [500, 'PLUG_REFUSED']);
  t.regex(messageOf(refused), /refused disk .*\.raw': No such file or directory/);
  t.is(await usersOf(patient, lost), '0');
  const drift = async () =>
    (await patient.call('GET', '/api/drift')).body as { kind: string; disk: string; repair: string }[];
  const rows = await until(
    async () => {
      const found = (await drift()).filter(({ kind }) => kind === 'volume-lost');
      return found.length === 2 && found;
    },
    'the differences',
    { ...patience, hint: patient.log },
  );
  for (const { disk, repair } of rows)
    t.is(repair, `put it back into the pool, or DELETE /api/disks/${disk}`);
  await empty.destroy();
  await isFree(held, patient);
  await endsWell(t, patient, lost, held);
});
