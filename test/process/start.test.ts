import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import test from 'ava';
import { connectionsWithin } from '../../src/lib/descriptors.ts';
import { startFakeLibvirtd } from '../../testkit/fakes/libvirtd.ts';
import { makePki } from '../../testkit/pki.ts';
import { until } from '../../testkit/until.ts';
import { folder, PASSWORD, refusal, START_MS, spawnService } from './support/spawned.ts';

test.serial(
  'files that the service creates are private, whatever the umask and the mode of the data folder',
  async t => {
    const directory = await folder(t);
    const data = join(directory, 'data');
    await mkdir(data, { mode: 0o755 });
    await chmod(data, 0o755);
    const service = await spawnService(t, directory, { shell: 'umask 0; exec "$@"' });
    await service.serves();
    t.is((await service.create()).status, 201);
    const open: string[] = [];
    for (const entry of await readdir(data, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      const { mode } = await stat(path);
      // QEMU's user needs the execute permission on the pool's folder.
      if ((mode & 0o777 & ~(entry.name === 'pool' ? 0o711 : 0o700)) !== 0) open.push(path);
    }
    t.deepEqual(open, []);
    t.regex(service.output(), /others than its owner may list or write \(mode 755\)/);
    for (const name of await readdir(data)) {
      if ((await stat(join(data, name))).isFile())
        t.false((await readFile(join(data, name), 'latin1')).includes(PASSWORD), name);
    }
  },
);

test.serial('a data folder into which everybody may put files is refused', async t => {
  const directory = await folder(t);
  await mkdir(join(directory, 'data'));
  await chmod(join(directory, 'data'), 0o777);
  const service = await spawnService(t, directory);
  t.regex(await refusal(service), /data_dir is .*everybody may put files \(mode 777\).*chmod o-w/);
});

test.serial('folders that cannot be created are refused at once, with what to do', async t => {
  const directory = await folder(t);
  const service = await spawnService(t, directory, { settings: { data_dir: '/proc/pdisk/data' } });
  t.regex(await refusal(service), /data_dir is \/proc\/pdisk\/data, which cannot be made .*set data_dir to/);
  const pool = await spawnService(t, directory, { settings: { pool: 'file:/proc/pdisk/pool' } });
  t.regex(await refusal(pool), /the pool cannot be used: ENOENT/);
});

test.serial('--check-config checks the certificate', async t => {
  const service = await spawnService(t, await folder(t), {
    settings: { tls_certificate: '/nonexistent/crt', tls_key: '/nonexistent/key' },
    args: ['--check-config'],
    env: { PDISK_PORT: '1' },
  });
  const said = await refusal(service);
  t.regex(said, /the certificate \/nonexistent\/crt with the key .* cannot be used: ENOENT/);
  t.regex(said, /There is no setting for the environment variable PDISK_PORT/);
});

test.serial('--check-config tries every node, and says what it saw of each', async t => {
  const directory = await folder(t);
  const pki = await makePki();
  const server = await pki.server({ name: 'far', altNames: ['IP:127.0.0.1'] });
  const fake = await startFakeLibvirtd({ unix: join(directory, 'n1'), tls: { pki: server } });
  t.teardown(async () => {
    await fake.stop();
    await pki.remove();
  });
  const pkiPath = await pki.client({ name: 'pdisk', days: 40 });
  const nodes = {
    near: fake.uri,
    'near.example': fake.uri,
    far: `qemu+tls://127.0.0.1:${fake.tlsPort}/system?pkipath=${pkiPath}`,
    soon: `qemu+tls://127.0.0.1:${fake.tlsPort}/system?pkipath=${await pki.client({ name: 'pdisk' })}`,
    away: 'qemu:///system?socket=/no/such/socket',
    '*': 'qemu+tls://{node}/system',
  };
  const service = await spawnService(t, directory, { settings: { nodes }, args: ['--check-config'] });
  await once(service.child, 'close');
  t.is(service.child.exitCode, 0);
  const said = service.output();
  const seen = `answers: libvirt 9\\.0\\.0, QEMU 7\\.2\\.22, host UUID ${fake.hostUuid}$`;
  t.regex(said, new RegExp(`^node near, near\\.example \\(qemu:///.*\\) ${seen}`, 'm'));
  t.regex(said, new RegExp(`^node far \\(qemu\\+tls:.*\\) ${seen}`, 'm'));
  t.regex(said, /^node far: the client certificate \S+ expires in (?:39|40) days$/m);
  t.regex(said, /^pdisk: node soon: the client certificate \S+ expires in [12] days$/m);
  t.regex(said, /^pdisk: node away \(.*\) cannot be reached: .*ENOENT/m);
  t.regex(said, /^nodes under '\*' were not tried$/m);
  t.regex(said, /^the configuration is valid$/m);
});

test.serial('links in the data folder are not written through', async t => {
  const directory = await folder(t);
  const other = join(directory, 'other');
  await writeFile(other, 'mine');
  await mkdir(join(directory, 'data'), { mode: 0o700 });
  for (const name of ['head.new', 'owner.new', 'admin-password.new', 'reserve'])
    await symlink(other, join(directory, 'data', name));
  const service = await spawnService(t, directory, { env: { PDISK_ADMIN_PASSWORD: undefined } });
  await until(() => service.output().includes('pdisk serves'), 'the service', {
    timeoutMs: START_MS,
    hint: service.output,
  });
  await until(() => service.output().includes('cannot be told or held'), 'word of the reserve', {
    timeoutMs: START_MS,
  });
  t.is(await readFile(other, 'utf8'), 'mine');
});

test.serial('a service whose database is gone does not start, until the loss is accepted', async t => {
  const directory = await folder(t);
  const first = await spawnService(t, directory);
  await first.serves();
  t.is((await first.create()).status, 201);
  await first.end('SIGKILL');
  await rm(join(directory, 'data', 'db'), { recursive: true });
  const [beside, pool] = [join(directory, 'data', 'head'), join(directory, 'data', 'pool')];
  t.regex(await refusal(await spawnService(t, directory)), /there is no database in .*head is still there/);
  await rm(beside);
  t.regex(await refusal(await spawnService(t, directory)), /owner is still there/);
  await rm(join(directory, 'data', 'owner'));
  for (let time = 0; time < 2; time += 1)
    t.regex(await refusal(await spawnService(t, directory)), /the pool holds 1 volumes.*--accept-loss/);
  await rm(join(pool, '.pdisk-owner'));
  const accepted = await spawnService(t, directory, { args: ['--accept-loss'] });
  await accepted.serves();
  t.is(await accepted.end(), 0);
  const volumes = (await readdir(pool)).filter(name => name.endsWith('.raw'));
  t.is(volumes.length, 1);
  const again = await spawnService(t, directory);
  await again.serves();
});

test.serial('clients that hold all connections do not keep disks from being created', async t => {
  const service = await spawnService(t, await folder(t), { shell: 'ulimit -n 256; exec "$@"' });
  await service.serves();
  t.regex(service.output(), /max_connections is 20000, but only 256 files may be open/);
  const held: Socket[] = [];
  t.teardown(() => {
    for (const socket of held) socket.destroy();
  });
  for (let one = 0; one < 240; one += 1) {
    const socket = connect(service.port, '127.0.0.1');
    socket.on('error', () => {});
    held.push(socket);
    await once(socket, 'connect');
  }
  const created = await until(
    async () => {
      // One of the open connections may have to be closed to make room for this request.
      held.pop()?.destroy();
      return service.create().catch(() => undefined);
    },
    'an answer',
    { timeoutMs: START_MS, hint: service.output },
  );
  t.is(created.status, 201);
});

test('the limit of connections depends on the limit of open files', t => {
  const said: string[] = [];
  const warn = (sentence: string): void => void said.push(sentence);
  t.is(connectionsWithin(20_000, 2, warn, 100_000), 20_000);
  t.is(connectionsWithin(20_000, 2, warn, Number.POSITIVE_INFINITY), 20_000);
  t.deepEqual(said, []);
  t.is(connectionsWithin(20_000, 2, warn, 1024), 1024 - 108);
  t.regex(said.join(), /at most 916 connections are taken/);
  t.throws(() => connectionsWithin(10, 2, warn, 108), { message: /pdisk alone needs 108/ });
});

/** A hook for Node's module loader that sends SIGHUP when the first module of the service is resolved. */
const SIGNALS = `export async function resolve(specifier, context, next) {
  if (/config\\.[jt]s$/.test(specifier)) process.kill(process.pid, 'SIGHUP');
  return next(specifier, context);
}`;
const asUrl = (code: string): string => `data:text/javascript,${encodeURIComponent(code)}`;

test.serial('a SIGHUP does not end a service that is still loading', async t => {
  const preload = `import { register } from 'node:module'; register(${JSON.stringify(asUrl(SIGNALS))});`;
  const service = await spawnService(t, await folder(t), {
    env: { NODE_OPTIONS: `--import=${asUrl(preload)}` },
  });
  await service.serves();
  t.is(await service.end(), 0);
});
