// The story over TLS and over ssh, with a real guest; and one libvirtd under both.
import test from 'ava';
import { bootGuest, type Guest } from '../../testkit/guest.ts';
import { beforeRemoteTests, remoteTest } from '../../testkit/libvirt-test.ts';
import { type Libvirtd, startLibvirtd } from '../../testkit/libvirtd.ts';
import { makePki, type Pki } from '../../testkit/pki.ts';
import { type Service, startService } from '../../testkit/service.ts';
import { type Sshd, startSshd } from '../../testkit/sshd.ts';
import { until } from '../../testkit/until.ts';
import { diskUp, nothingIsLeft, on, refusal, serialOf, usersOf } from './support/disks.ts';

let pki: Pki;
let libvirtd: Libvirtd;
let sshd: Sshd;
let service: Service;
let guest: Guest;

beforeRemoteTests(async () => {
  pki = await makePki();
  libvirtd = await startLibvirtd({ tls: await pki.server({ name: 'node', altNames: ['IP:127.0.0.1'] }) });
  const inside = `nsenter --mount --target ${await libvirtd.namespace()} sh -c "$SSH_ORIGINAL_COMMAND"`;
  sshd = await startSshd({ wrap: inside });
  guest = await bootGuest(libvirtd, { name: 'one-7' });
  const pkiPath = await pki.client({ name: 'pdisk' });
  service = await startService({
    nodes: {
      'by-tls': `qemu+tls://127.0.0.1:${libvirtd.tlsPort}/system?pkipath=${pkiPath}`,
      'by-ssh': sshd.uri(),
    },
    user_limit: 2,
    reconcile_interval: 1,
  });
  const isUp = async (): Promise<boolean> => {
    const nodes = (await service.call('GET', '/api/nodes')).body as { reachable: boolean }[];
    return nodes.length === 2 && nodes.every(({ reachable }) => reachable);
  };
  await until(isUp, 'both nodes', { timeoutMs: 120_000, hint: service.log });
});

test.after.always(async () => {
  await service?.remove();
  await sshd?.stop();
  await libvirtd?.stop();
  await pki?.remove();
});

test.afterEach.always(t => {
  if (!t.passed) t.log(service?.log().slice(-2000));
});

for (const node of ['by-tls', 'by-ssh']) {
  remoteTest(`${node}: a disk is plugged into a running guest, and comes back`, async t => {
    const uuid = await service.create();
    t.is((await service.call('POST', `/api/hotattach/${uuid}`, on('7', node))).status, 200);
    await guest.waitFor(diskUp(uuid));
    const wrote = await guest.run(`echo mine | dd of=$(disk ${serialOf(uuid)}) conv=fsync 2>/dev/null`);
    t.is(wrote.status, 0, wrote.output);
    t.is((await service.call('POST', `/api/hotdetach/${uuid}`, on('7', node))).status, 200);
    t.is((await service.call('DELETE', `/api/disks/${uuid}`)).status, 200);
    await nothingIsLeft(t, service, libvirtd);
  });
}

remoteTest('one libvirtd under two URIs: a VM takes a disk once, and both see the same device', async t => {
  const uuid = await service.create();
  t.is((await service.call('POST', `/api/hotattach/${uuid}`, on('7', 'by-tls'))).status, 200);
  const again = await service.call('POST', `/api/hotattach/${uuid}`, on('7', 'by-ssh'));
  t.deepEqual(refusal(again), [400, 'ALREADY_ATTACHED']);
  const passes = service.log().length;
  await service.call('POST', `/api/hotdetach/${uuid}`, on('7', 'by-ssh'));
  t.is(await usersOf(service, uuid), '1');
  t.deepEqual((await service.call('GET', '/api/drift')).body, []);
  t.is((await service.call('POST', `/api/hotdetach/${uuid}`, on('7', 'by-tls'))).status, 200);
  t.false(service.log().slice(passes).includes('a disk appeared'));
  t.is((await service.call('DELETE', `/api/disks/${uuid}`)).status, 200);
  await nothingIsLeft(t, service, libvirtd);
});

remoteTest('a node whose connection is cut is linked again, and keeps its disks', async t => {
  const uuid = await service.create();
  t.is((await service.call('POST', `/api/hotattach/${uuid}`, on('7', 'by-ssh'))).status, 200);
  for (const pid of await sshd.sessions()) process.kill(pid, 'SIGKILL');
  await until(() => service.log().includes('node by-ssh is lost'), 'the loss', { hint: service.log });
  t.is(await usersOf(service, uuid), '1');
  const detached = await until(
    async () => {
      const reply = await service.call('POST', `/api/hotdetach/${uuid}`, on('7', 'by-ssh'));
      return reply.status === 503 ? undefined : reply;
    },
    'the link',
    { timeoutMs: 120_000 },
  );
  t.is(detached.status, 200, detached.text);
  t.is((await service.call('DELETE', `/api/disks/${uuid}`)).status, 200);
  await nothingIsLeft(t, service, libvirtd);
});
