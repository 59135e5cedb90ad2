// How the process ends: told to by a signal, at any moment of its life.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:fs';
import { mkdir, open, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { startFakeLibvirtd } from '../../testkit/fakes/libvirtd.ts';
import { basic } from '../../testkit/http.ts';
import { gate } from '../../testkit/latch.ts';
import { until } from '../../testkit/until.ts';
import { subscribe, subscribeSse } from '../events/support/subscriber.ts';
import { folder, type Spawned, START_MS, spawnService } from './support/spawned.ts';

const run = promisify(execFile);
const vm = { node: 'n1', vm_id: '1' };
const patience = { timeoutMs: START_MS };

/** A node with a VM whose next plugs are answered when the latch is opened. */
async function slowNode(t: ExecutionContext, directory: string) {
  const fake = await startFakeLibvirtd({ unix: join(directory, 'libvirt-sock') });
  const answered = gate();
  t.teardown(() => {
    answered.open();
    return fake.stop();
  });
  fake.addDomain({ name: 'one-1' });
  fake.faults.inject('domainAttachDeviceFlags', { kind: 'delay', until: answered.opened }, 100);
  return { settings: { nodes: { n1: fake.uri }, attach_timeout: 3600 }, answered };
}

/** Creates a disk and begins to plug it; resolves when the node is asked. */
async function plugging(service: Spawned) {
  const created = await service.create();
  const { uuid } = JSON.parse(created.text) as { uuid: string };
  const answer = service.call('POST', `/api/hotattach/${uuid}`, vm);
  const users = async () => JSON.parse((await service.call('GET', `/api/disks/${uuid}`)).text).users;
  await until(async () => (await users()) === '1', 'the plug to be decided', patience);
  return { uuid, answer, users };
}

const says = (service: Spawned, text: string): Promise<unknown> =>
  until(() => service.output().includes(text), `"${text}"`, { ...patience, hint: service.output });

/** How the process ended: its exit status, or the signal that ended it. */
async function endOf({ child }: Spawned): Promise<number | string | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
  return child.exitCode ?? child.signalCode;
}

test.serial(
  'a service that is told to stop refuses changes, answers reads, finishes what it has begun and tells its streams',
  async t => {
    const directory = await folder(t);
    const { settings, answered } = await slowNode(t, directory);
    const service = await spawnService(t, directory, { settings: { ...settings, drain_timeout: 3600 } });
    await service.serves();
    const url = `http://127.0.0.1:${service.port}`;
    const streams = [await subscribe(url), await subscribeSse(url)];
    await Promise.all(streams.map(one => one.untilMessages(1)));
    const { uuid, answer, users } = await plugging(service);

    service.child.kill('SIGTERM');
    await says(service, 'pdisk stops');
    t.is(await users(), '1', 'a read over a new connection');
    const refused = await fetch(`${url}/api/disks/${uuid}`, {
      method: 'DELETE',
      headers: { authorization: basic('admin') },
    });
    t.is(refused.status, 503);
    t.is(refused.headers.get('x-error-code'), 'STOPPING');
    t.regex(refused.headers.get('retry-after') ?? '', /^[1-9]\d*$/);
    t.regex(await refused.text(), /pdisk is stopping; try again shortly/);
    const ready = await service.call('GET', '/readyz');
    t.is(ready.status, 503);
    t.like(JSON.parse(ready.text), { ready: false, stopping: true, store: 'writable' });

    answered.open();
    const { status, text } = await answer;
    t.is(status, 200, text);
    const [socket, sse] = await Promise.all(streams.map(({ closed }) => closed));
    t.like(socket, { code: 1001, reason: 'pdisk stops; resume when it is back' });
    t.truthy(sse);
    for (const stream of streams) t.true(stream.events().some(({ type }) => type === 'disk.attached'));
    t.is(await endOf(service), 0);
    t.notRegex(service.output(), /left for the next start|could not be closed/);
  },
);

test.serial(
  'a change that does not end in time is answered as unknown and goes on, whichever start a signal ends',
  async t => {
    const directory = await folder(t);
    const { settings, answered } = await slowNode(t, directory);
    const first = await spawnService(t, directory, { settings: { ...settings, drain_timeout: 0.1 } });
    await first.serves();
    const { uuid, answer } = await plugging(first);
    first.child.kill('SIGINT');
    const { status, code, text } = await answer;
    t.deepEqual([status, code], [504, 'INTERRUPTED'], text);
    t.regex(text, /all else goes on/);
    t.is(await endOf(first), 0);
    t.regex(first.output(), /"actors":1.*left for the next start/);

    const second = await spawnService(t, directory, { settings });
    await says(second, 'resuming what was interrupted');
    second.child.kill('SIGTERM');
    t.is(await endOf(second), 0, second.output());

    const third = await spawnService(t, directory, { settings });
    await says(third, 'resuming what was interrupted');
    answered.open();
    await third.serves();
    const state = async () =>
      JSON.parse((await third.call('GET', `/api/disks/${uuid}?view=full`)).text).state;
    await until(async () => (await state()) !== 'attaching', 'the plug or its undoing to end', patience);
    await until(
      async () => {
        const off = await third.call('POST', `/api/hotdetach/${uuid}`, vm);
        return off.status === 200 || off.code === 'ATTACHMENT_UNKNOWN';
      },
      'the disk to be free',
      patience,
    );
    t.is((await third.call('DELETE', `/api/disks/${uuid}`)).status, 200);
    t.is(await third.end(), 0);
  },
);

/** A module for `--import` that has the signal sent when a file of that name is asked for. */
function signalAt(signal: string, name: string): string {
  const code = `
    import fs from 'node:fs/promises';
    import { syncBuiltinESMExports } from 'node:module';
    let isSent = false;
    for (const call of ['access', 'open', 'readFile']) {
      const real = fs[call];
      fs[call] = (path, ...rest) => {
        if (String(path).endsWith(${JSON.stringify(name)}) && !isSent) {
          isSent = true;
          process.kill(process.pid, ${JSON.stringify(signal)});
        }
        return real(path, ...rest);
      };
    }
    syncBuiltinESMExports();`;
  return `data:text/javascript,${encodeURIComponent(code)}`;
}

/** A module for `--import` that has the signal sent while the modules of the service are loaded. */
function signalWhileLoading(signal: string): string {
  const hook = `export async function resolve(specifier, context, next) {
    if (/command-line\\.[jt]s$/.test(specifier)) process.kill(process.pid, ${JSON.stringify(signal)});
    return next(specifier, context);
  }`;
  const url = `data:text/javascript,${encodeURIComponent(hook)}`;
  const code = `import { register } from 'node:module'; register(${JSON.stringify(url)});`;
  return `data:text/javascript,${encodeURIComponent(code)}`;
}

test.serial('a signal at any moment of a start ends it in order, and nothing is left', async t => {
  const directory = await folder(t);
  const data = join(directory, 'data');
  for (const [moment, module] of [
    ['the modules are loaded', signalWhileLoading('SIGTERM')],
    ['the store is opened', signalAt('SIGTERM', '/data/head')],
    ['the pool is opened', signalAt('SIGINT', '/data/pool')],
    ['the pool is claimed', signalAt('SIGTERM', '/.pdisk-owner')],
    ['the first password is written', signalAt('SIGTERM', '/admin-password')],
  ] as const) {
    const service = await spawnService(t, directory, {
      env: { NODE_OPTIONS: `--import=${module}`, PDISK_ADMIN_PASSWORD: undefined },
    });
    t.is(await endOf(service), 0, `while ${moment}: ${service.output()}`);
    t.notRegex(service.output(), /pdisk serves|could not be closed/, moment);
    const names = await readdir(data, { recursive: true }).catch(() => []);
    t.deepEqual(
      names.filter(name => name.endsWith('.new')),
      [],
      moment,
    );
  }
  const service = await spawnService(t, directory, { env: { PDISK_ADMIN_PASSWORD: undefined } });
  await says(service, 'pdisk serves');
  t.is(await service.end(), 0);
});

/** Starts a service whose pool hangs: the file that it reads there is a pipe into which nobody writes. */
async function hanging(t: ExecutionContext, drainSeconds: number): Promise<Spawned> {
  const directory = await folder(t);
  const file = join(directory, 'data', 'pool', '.pdisk-owner');
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await run('mkfifo', [file]);
  const service = await spawnService(t, directory, { settings: { drain_timeout: drainSeconds } });
  const writer = await until(
    // Fails while nobody has it open for reading.
    () => open(file, constants.O_WRONLY | constants.O_NONBLOCK).catch(() => undefined),
    'the pool to be claimed',
    { ...patience, hint: service.output },
  );
  t.teardown(() => writer.close());
  return service;
}

test.serial('a second signal ends the process at once, although a call of the pool hangs', async t => {
  const service = await hanging(t, 3600);
  service.child.kill('SIGTERM');
  await says(service, 'pdisk stops');
  service.child.kill('SIGINT');
  t.is(await endOf(service), 'SIGINT');
});

test('a process that cannot stop in order ends at its time limit, and says what was open', async t => {
  const service = await hanging(t, 0.1);
  service.child.kill('SIGTERM');
  t.is(await endOf(service), 'SIGKILL');
  t.regex(service.output(), /"open":\[.*"the store".*not stopped within 15\.1 s/);
});
