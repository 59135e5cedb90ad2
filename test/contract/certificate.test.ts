// TLS and SIGHUP, with the real process.
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { startFakeLibvirtd } from '../../testkit/fakes/libvirtd.ts';
import { basic } from '../../testkit/http.ts';
import { startService } from '../../testkit/service.ts';
import { until } from '../../testkit/until.ts';

const fixture = (name: string) => fileURLToPath(new URL(`../api/support/tls/${name}`, import.meta.url));
const FORM = 'application/x-www-form-urlencoded';

/** The status and body of an answer, and the certificate that was shown. */
function ask(
  port: number,
  agent: Agent | false,
  method: string,
  path: string,
  fields?: Record<string, string>,
) {
  return new Promise<{ status: number; text: string; shown: string }>((resolve, reject) => {
    const headers = { authorization: basic('admin'), ...(fields ? { 'content-type': FORM } : {}) };
    const options = { host: '127.0.0.1', port, method, path, headers, agent, rejectUnauthorized: false };
    const asked = request(options, response => {
      const shown =
        response.socket instanceof TLSSocket ? response.socket.getPeerCertificate().subject.CN : '';
      let text = '';
      response.setEncoding('utf8').on('data', data => {
        text += data;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text, shown: String(shown) }));
    });
    asked.on('error', reject).end(fields ? new URLSearchParams(fields).toString() : undefined);
  });
}

test('SIGHUP takes a new certificate without dropping a request, and refuses a bad one', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'pdisk-certificate-'));
  const files = { tls_certificate: join(directory, 'crt'), tls_key: join(directory, 'key') };
  const install = async (name: string): Promise<void> => {
    await copyFile(fixture(`${name}.crt`), files.tls_certificate);
    await copyFile(fixture(`${name}.key`), files.tls_key);
  };
  await install('first');
  const libvirtd = await startFakeLibvirtd({ unix: join(directory, 'n1') });
  const service = await startService({ ...files, nodes: { n1: libvirtd.uri }, attach_timeout: 60 });
  const kept = new Agent({ keepAlive: true, maxSockets: 1 });
  const port = Number(new URL(service.url).port);
  const { pid } = service;
  const hangUp = async (outcome: string): Promise<void> => {
    const before = service.log().split(outcome).length;
    process.kill(pid ?? 0, 'SIGHUP');
    await until(() => service.log().split(outcome).length > before, outcome);
  };
  try {
    const disk = { size: '1', tag: '', visibility: 'private' };
    const made = await ask(port, kept, 'POST', '/api/create', disk);
    t.deepEqual([made.status, made.shown], [201, 'first']);
    const { uuid } = JSON.parse(made.text);
    libvirtd.addDomain({ name: 'one-1' });
    let answer = (): void => {};
    const held = new Promise<void>(resolve => {
      answer = resolve;
    });
    libvirtd.faults.inject('domainAttachDeviceFlags', { kind: 'delay', until: held });
    const atWork = ask(port, kept, 'POST', `/api/hotattach/${uuid}`, { node: 'n1', vm_id: '1' });
    await until(
      async () => JSON.parse((await ask(port, false, 'GET', `/api/disks/${uuid}`)).text).users === '1',
      'it',
    );

    let swapped = false;
    let ending = false;
    const shown = new Set<string>();
    const traffic = Array.from({ length: 4 }, async () => {
      while (!ending) {
        const isNew = swapped;
        const answered = await ask(port, false, 'POST', '/api/create', disk);
        t.is(answered.status, 201, answered.text);
        shown.add(answered.shown);
        if (isNew) t.is(answered.shown, 'second');
      }
    });
    await until(() => shown.has('first'), 'the first certificate');
    await install('second');
    await hangUp('was read again');
    swapped = true;
    await until(() => shown.has('second'), 'the second certificate');
    ending = true;
    await Promise.all(traffic);

    answer();
    const attached = await atWork;
    t.deepEqual([attached.status, attached.shown, JSON.parse(attached.text).uuid], [200, 'first', [uuid]]);
    t.is((await ask(port, kept, 'GET', '/')).shown, 'first');

    for (const spoil of [
      () => copyFile(fixture('first.crt'), files.tls_certificate),
      () => writeFile(files.tls_key, 'no key'),
      () => rm(files.tls_certificate),
    ]) {
      await spoil();
      await hangUp('cannot be used: ');
      t.is((await ask(port, false, 'GET', '/')).shown, 'second');
    }
    t.true(service.log().includes('the old one stays in use'));
    await install('first');
    await hangUp('was read again');
    t.is((await ask(port, false, 'GET', '/')).shown, 'first');
    t.is(service.pid, pid);
    t.is(await service.stop(), 0);
  } finally {
    kept.destroy();
    await service.remove();
    await libvirtd.stop();
    await rm(directory, { recursive: true });
  }
});

test('SIGHUP does not end a service without a certificate, nor interrupt what it does', async t => {
  const service = await startService();
  try {
    process.kill(service.pid ?? 0, 'SIGHUP');
    await until(() => service.log().includes('SIGHUP'), 'word of the signal');
    t.is((await service.call('GET', '/api/disks')).status, 200);
  } finally {
    await service.remove();
  }
});

test('SIGHUP does not end a service that is starting', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'pdisk-starting-'));
  const libvirtd = await startFakeLibvirtd({ unix: join(directory, 'n1') });
  const service = await startService({ nodes: { n1: libvirtd.uri }, attach_timeout: 60 });
  let letGo = (): void => {};
  const held = new Promise<void>(resolve => {
    letGo = resolve;
  });
  try {
    const uuid = await service.create();
    libvirtd.addDomain({ name: 'one-1' });
    // libvirt answers neither the plug nor, after the restart, the questions that find out its outcome.
    libvirtd.faults.inject('domainAttachDeviceFlags', { kind: 'delay', until: held });
    const form = { node: 'n1', vm_id: '1' };
    const interrupted = service.call('POST', `/api/hotattach/${uuid}`, { form }).catch(() => undefined);
    await until(
      async () => (await service.call('GET', `/api/disks/${uuid}?view=full`)).text.includes('attaching'),
      'it',
    );
    await service.kill();
    await interrupted;
    libvirtd.faults.inject('domainGetXmlDesc', { kind: 'delay', until: held });
    const starting = service.start();
    await until(() => service.log().includes('resuming what was interrupted'), 'the start to wait');
    process.kill(service.pid ?? 0, 'SIGHUP');
    await until(() => service.log().includes('SIGHUP'), 'word of the signal');
    t.false(service.log().includes('pdisk serves'));
    letGo();
    await starting;
    t.is((await service.call('GET', '/api/disks')).status, 200);
  } finally {
    letGo();
    await service.remove();
    await libvirtd.stop();
    await rm(directory, { recursive: true });
  }
});
