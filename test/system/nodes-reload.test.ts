// Nodes that SIGHUP adds, moves and takes out, with the real process.
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { startFakeLibvirtd } from '../../testkit/fakes/libvirtd.ts';
import { makePki } from '../../testkit/pki.ts';
import { type Service, startService } from '../../testkit/service.ts';
import { until } from '../../testkit/until.ts';
import { on, refusal, usersOf } from './support/disks.ts';

const said = (service: Service, sentence: string | RegExp): Promise<unknown> =>
  until(
    () => (typeof sentence === 'string' ? service.log().includes(sentence) : sentence.test(service.log())),
    String(sentence),
    { hint: service.log },
  );

test('SIGHUP adds a node, gives one another URI and takes one out, and attachments stay', async t => {
  const dir = await mkdtemp(join(tmpdir(), 'pdisk-nodes-'));
  const uuids = ['4ca1ab1e-0000-4000-8000-000000000001', '4ca1ab1e-0000-4000-8000-000000000002'];
  const [first, second] = [
    await startFakeLibvirtd({ unix: join(dir, 'n1'), tcp: 0, hostUuid: uuids[0] ?? '' }),
    await startFakeLibvirtd({ unix: join(dir, 'n2'), hostUuid: uuids[1] ?? '' }),
  ];
  for (const fake of [first, second]) for (const id of [1, 2]) fake.addDomain({ name: `one-${id}` });
  const service = await startService({ nodes: { n1: first.uri } });
  t.teardown(async () => {
    await service.remove();
    await Promise.all([first.stop(), second.stop()]);
    await rm(dir, { recursive: true });
  });
  const [a, b] = [await service.create(), await service.create()];
  t.is((await service.call('POST', `/api/hotattach/${a}`, on('1', 'n1'))).status, 200);
  t.deepEqual(refusal(await service.call('POST', `/api/hotattach/${b}`, on('1', 'n2'))), [
    400,
    'NODE_NOT_CONFIGURED',
  ]);

  await service.configure({ nodes: { n1: first.uri, n2: second.uri } });
  await said(service, 'SIGHUP: node n2 was added');
  t.is((await service.call('POST', `/api/hotattach/${b}`, on('1', 'n2'))).status, 200);

  await service.configure({ nodes: { n1: first.tcpUri, n2: second.uri } });
  await said(service, 'SIGHUP: node n1 has another URI');
  t.is(await usersOf(service, a), '1');
  t.is((await service.call('POST', `/api/hotdetach/${a}`, on('1', 'n1'))).status, 200);

  await service.configure({ nodes: { n1: first.tcpUri } });
  await said(service, 'SIGHUP: node n2 was taken out; what is attached there stays attached');
  await until(() => second.connections.open === 0, 'the end of the link');
  t.deepEqual(refusal(await service.call('POST', `/api/hotdetach/${b}`, on('1', 'n2'))), [
    503,
    'NODE_UNREACHABLE',
  ]);
  t.is(await usersOf(service, b), '1');

  await service.configure({ nodes: { n1: first.tcpUri, n2: 'qemu+ext://x/system' } });
  await said(service, /SIGHUP: nodes\.n2 is .*transport ext is not supported/);
  await said(service, 'the configuration was not taken; everything stays as it is');
  await service.configure({ nodes: { n1: first.tcpUri, n2: second.uri }, attach_timeout: 61, user_limit: 2 });
  await said(service, 'changed, and taken by a restart only: user_limit, attach_timeout');
  t.is((await service.call('POST', `/api/hotdetach/${b}`, on('1', 'n2'))).status, 200);
  t.is(await usersOf(service, b), '0');
});

test('another host under the URI that SIGHUP takes raises an alarm, and nothing is released', async t => {
  const dir = await mkdtemp(join(tmpdir(), 'pdisk-nodes-'));
  const [right, wrong] = [
    await startFakeLibvirtd({ unix: join(dir, 'right') }),
    await startFakeLibvirtd({ unix: join(dir, 'wrong') }),
  ];
  right.addDomain({ name: 'one-1' });
  const service = await startService({ nodes: { n1: right.uri } });
  t.teardown(async () => {
    await service.remove();
    await Promise.all([right.stop(), wrong.stop()]);
    await rm(dir, { recursive: true });
  });
  const disk = await service.create();
  t.is((await service.call('POST', `/api/hotattach/${disk}`, on('1', 'n1'))).status, 200);
  await service.configure({ nodes: { n1: wrong.uri } });
  await said(
    service,
    new RegExp(`host ${wrong.hostUuid} answers where host ${right.hostUuid} was known as n1`),
  );
  t.is(await usersOf(service, disk), '1');
});

test('SIGHUP tries the certificates for nodes as they are now, and /metrics has their expiry', async t => {
  const pki = await makePki();
  const server = await pki.server({ name: 'n1', altNames: ['IP:127.0.0.1'] });
  const fake = await startFakeLibvirtd({ tcp: 0, tls: { pki: server } });
  const pkiPath = await pki.client({ name: 'pdisk', days: 40 });
  const nodes = { n1: `qemu+tls://127.0.0.1:${fake.tlsPort}/system?pkipath=${pkiPath}` };
  const service = await startService({ nodes });
  t.teardown(async () => {
    await service.remove();
    await fake.stop();
    await pki.remove();
  });
  await said(service, 'node n1 is linked');
  const { text } = await service.call('GET', '/metrics');
  const at = Number(/^pdisk_node_certificate_expiry_timestamp_seconds\{node="n1"\} (\S+)$/m.exec(text)?.[1]);
  t.is(Math.round((at * 1000 - Date.now()) / 86_400_000), 40);

  await cp(await pki.client({ name: 'pdisk', days: 90 }), pkiPath, { recursive: true });
  await service.configure({ nodes });
  await said(service, /SIGHUP: node n1 \(qemu\+tls:.*\) answers: libvirt 9\.0\.0, QEMU 7\.2\.22/);
  await said(service, /SIGHUP: node n1: the client certificate .*clientcert\.pem expires in (?:89|90) days/);
  await cp(await pki.client({ name: 'pdisk', days: -1 }), pkiPath, { recursive: true });
  await service.configure({ nodes });
  await said(service, /SIGHUP: node n1 .* cannot be reached: the client certificate .* expired on/);
  t.regex((await service.call('GET', '/metrics')).text, /^pdisk_node_certificate_.*\{node="n1"\} Nan$/m);
});
