import test from 'ava';
import { bootGuest, type Guest } from '../../testkit/guest.ts';
import { beforeLibvirtTests, libvirtTest } from '../../testkit/libvirt-test.ts';
import { type Libvirtd, startLibvirtd } from '../../testkit/libvirtd.ts';
import { leftOver } from '../../testkit/nothing-left.ts';
import { type Service, startService } from '../../testkit/service.ts';
import { diskUp, nothingIsLeft, on, serialOf } from './support/disks.ts';

let libvirtd: Libvirtd;
let service: Service;
let shared: Service;
let guests: Record<'a' | 'b' | 'c', Guest>;

beforeLibvirtTests(async () => {
  libvirtd = await startLibvirtd();
  const nodes = { 'onehost-1': libvirtd.uri, 'onehost-1.example.org': libvirtd.uri };
  const [a, b, c] = [
    await bootGuest(libvirtd, { name: 'one-7' }),
    await bootGuest(libvirtd, { name: 'one-8' }),
    await bootGuest(libvirtd, { name: 'one-9' }),
  ];
  guests = { a, b, c };
  service = await startService({ nodes });
  shared = await startService({ nodes, user_limit: 2 });
});

test.after.always(async () => {
  await service?.remove();
  await shared?.remove();
  await libvirtd?.stop();
});

test.afterEach.always(async t => {
  if (!t.passed) t.log(service?.log().slice(-1500), shared?.log().slice(-1500));
});

/** The domains whose live XML shows the disk. */
async function holders(uuid: string): Promise<string[]> {
  const lines = await leftOver({ libvirtds: [libvirtd] });
  const live = lines.filter(line => line.startsWith('live') && line.endsWith(uuid));
  return live.map(line => /domain (\S+):/.exec(line)?.[1] ?? '');
}

const remaining = async (uuid: string): Promise<string | null> =>
  (await service.call('GET', `/api/disks/${uuid}`)).headers.get('x-diskuser-remaining');

libvirtTest('one disk, two VMs: what one guest wrote, the next one reads', async t => {
  const { a, b } = guests;
  const uuid = await service.create();
  t.is(await remaining(uuid), '1');

  const answer = { node: 'onehost-1', vm_id: '7', target: 'vda', uuid: [uuid] };
  const plugged = await service.call('POST', `/api/hotattach/${uuid}`, on('7'));
  t.deepEqual([plugged.status, plugged.body], [200, answer]);
  t.is(await remaining(uuid), '0');
  const write = `mke2fs -q $(disk ${serialOf(uuid)}) && mount $(disk ${serialOf(uuid)}) /mnt
    head -c 3000000 /dev/urandom > /mnt/file && sha256sum < /mnt/file && sync && umount /mnt`;
  await a.waitFor(diskUp(uuid));
  const written = await a.run(write);
  t.is(written.status, 0, written.output);

  const unplugged = await service.call('POST', `/api/hotdetach/${uuid}`, on('7'));
  t.deepEqual([unplugged.status, unplugged.body], [200, { ...answer, uuid: [] }]);
  t.is(await remaining(uuid), '1');

  t.is((await service.call('POST', `/api/hotattach/${uuid}`, on('8'))).status, 200);
  t.is(await remaining(uuid), '0');
  await b.waitFor(diskUp(uuid));
  const read = await b.run(`mount $(disk ${serialOf(uuid)}) /mnt && sha256sum < /mnt/file; umount /mnt`);
  t.deepEqual(read, { output: written.output.split('\n').slice(-2).join('\n'), status: 0 });

  const elsewhere = await service.call('POST', `/api/hotattach/${uuid}`, on('7'));
  t.deepEqual([elsewhere.status, elsewhere.headers.get('x-error-code')], [400, 'LIMIT_REACHED']);
  t.deepEqual(await holders(uuid), ['one-8']);
  const inUse = await service.call('DELETE', `/api/disks/${uuid}`);
  t.deepEqual([inUse.status, inUse.headers.get('x-error-code')], [400, 'DISK_IN_USE']);

  t.is((await service.call('POST', `/api/hotdetach/${uuid}`, on('8'))).status, 200);
  t.is(await remaining(uuid), '1');
  const deleted = await service.call('DELETE', `/api/disks/${uuid}`);
  t.deepEqual([deleted.status, deleted.body], [200, { uuid }]);
  t.is((await service.call('DELETE', `/api/disks/${uuid}`)).status, 400);
  await nothingIsLeft(t, service, libvirtd);
});

libvirtTest('with a limit of 2, two VMs have the disk at once and the third is refused', async t => {
  const uuid = await shared.create();
  const headers = async () => {
    const reply = await shared.call('GET', `/api/disks/${uuid}`);
    return [reply.headers.get('x-diskuser-limit'), reply.headers.get('x-diskuser-remaining')];
  };
  t.is((await shared.call('POST', `/api/hotattach/${uuid}`, on('7'))).status, 200);
  t.deepEqual(await headers(), ['2', '1']);
  t.is((await shared.call('POST', `/api/hotattach/${uuid}`, on('8'))).status, 200);
  t.deepEqual(await headers(), ['2', '0']);
  const third = await shared.call('POST', `/api/hotattach/${uuid}`, on('9'));
  t.deepEqual([third.status, third.headers.get('x-error-code')], [400, 'LIMIT_REACHED']);

  for (const guest of [guests.a, guests.b]) {
    await guest.waitFor(diskUp(uuid));
  }
  t.is(
    (
      await guests.a.run(
        `printf seen > /tmp/x; dd if=/tmp/x of=$(disk ${serialOf(uuid)}) conv=fsync 2>/dev/null`,
      )
    ).status,
    0,
  );
  t.is((await guests.b.run(`dd if=$(disk ${serialOf(uuid)}) bs=4 count=1 2>/dev/null`)).output, 'seen');

  t.is((await shared.call('POST', `/api/hotdetach/${uuid}`, on('7'))).status, 200);
  t.is((await shared.call('POST', `/api/hotdetach/${uuid}`, on('8'))).status, 200);
  t.is((await shared.call('DELETE', `/api/disks/${uuid}`)).status, 200);
  await nothingIsLeft(t, shared, libvirtd);
});

libvirtTest('of two hotattaches at the same moment exactly one wins, a hundred times', async t => {
  const uuid = await service.create();
  for (let round = 0; round < 100; round += 1) {
    const names = ['7', '8'] as const;
    const replies = await Promise.all(
      names.map(vm => service.call('POST', `/api/hotattach/${uuid}`, on(vm))),
    );
    const winners = names.filter((_, index) => replies[index]?.status === 200);
    t.is(winners.length, 1, replies.map(reply => reply.text).join());
    const loser = replies.find(reply => reply.status !== 200);
    t.is(loser?.headers.get('x-error-code'), 'LIMIT_REACHED');
    const off = await service.call('POST', `/api/hotdetach/${uuid}`, on(winners[0] ?? ''));
    t.is(off.status, 200, off.text);
  }
  t.is((await service.call('DELETE', `/api/disks/${uuid}`)).status, 200);
  await nothingIsLeft(t, service, libvirtd);
});

libvirtTest('7 and one-7 are one VM, by every name of its node', async t => {
  const uuid = await shared.create();
  t.is((await shared.call('POST', `/api/hotattach/${uuid}`, on('7'))).status, 200);
  const again = await shared.call('POST', `/api/hotattach/${uuid}`, {
    form: { node: 'ONEHOST-1.example.org.', vm_id: 'one-7' },
  });
  t.deepEqual([again.status, again.headers.get('x-error-code')], [400, 'ALREADY_ATTACHED']);
  const cold = await shared.call('POST', `/api/attach/${uuid}`, on('one-7'));
  t.deepEqual([cold.status, cold.headers.get('x-error-code')], [400, 'HOT_PLUGGED']);
  t.is((await shared.call('POST', `/api/hotdetach/${uuid}`, on('one-7'))).status, 200);
  t.is((await shared.call('DELETE', `/api/disks/${uuid}`)).status, 200);
  await nothingIsLeft(t, shared, libvirtd);
});

libvirtTest('two disks on one VM get two targets, and a freed letter is used again', async t => {
  const [first, second] = [await service.create(), await service.create()];
  const plug = (uuid: string) => service.call('POST', `/api/hotattach/${uuid}`, on('7'));
  const [one, two] = await Promise.all([plug(first), plug(second)]);
  const targets = [one, two].map(reply => (reply.body as { target: string }).target);
  t.deepEqual(targets.toSorted(), ['vda', 'vdb']);
  t.is((await service.call('POST', `/api/hotdetach/${first}`, on('7'))).status, 200);
  const back = (await plug(first)).body as { target: string; uuid: string[] };
  t.is(back.target, targets[0] ?? '');
  t.deepEqual(back.uuid, [second, first]);
  for (const uuid of [first, second]) {
    t.is((await service.call('POST', `/api/hotdetach/${uuid}`, on('7'))).status, 200);
    t.is((await service.call('DELETE', `/api/disks/${uuid}`)).status, 200);
  }
  await nothingIsLeft(t, service, libvirtd);
});

libvirtTest('a VM that does not exist or has an invalid name is 400, and so is an unknown node', async t => {
  const uuid = await service.create();
  const codes: (string | null)[] = [];
  for (const [node, vm_id] of [
    ['onehost-1', '404'],
    ['onehost-2', '7'],
  ] as const) {
    const reply = await service.call('POST', `/api/hotattach/${uuid}`, { form: { node, vm_id } });
    t.is(reply.status, 400);
    codes.push(reply.headers.get('x-error-code'));
  }
  t.deepEqual(codes, ['VM_UNKNOWN', 'NODE_NOT_CONFIGURED']);
  t.is((await service.call('DELETE', `/api/disks/${uuid}`)).status, 200);
  await nothingIsLeft(t, service, libvirtd);
});
