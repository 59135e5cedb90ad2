// RLIMIT_NPROC, the limit of a user's processes and threads, does not apply to root: where the tests run as
// root, the service runs as another user with root's read access.
import { execFile } from 'node:child_process';
import { chown, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { until } from '../../testkit/until.ts';
import { folder, type Spawned, START_MS, spawnService } from './support/spawned.ts';

const run = promisify(execFile);
const SOMEBODY = 54_321;
const AS_SOMEBODY =
  process.getuid?.() === 0
    ? `setpriv --reuid=${SOMEBODY} --regid=${SOMEBODY} --clear-groups`.split(' ')
    : ['setpriv'];
const READS_ALL = '--inh-caps=+dac_override --ambient-caps=+dac_override';

/** The greatest number of processes and threads that the user of the service may have. */
async function allowed({ child }: Spawned): Promise<string> {
  const limits = await readFile(`/proc/${child.pid}/limits`, 'utf8');
  return /^Max processes +(\w+)/m.exec(limits)?.[1] ?? 'unlimited';
}

const allow = ({ child }: Spawned, most: string) =>
  run('setpriv', [...AS_SOMEBODY.slice(1), 'prlimit', '--pid', String(child.pid), `--nproc=${most}:`]);

test('a service that may begin no more threads and processes goes on, and says what it lacks', async t => {
  const directory = await folder(t);
  const asRoot = AS_SOMEBODY.length > 1;
  // access(2) looks only at the user, not at capabilities.
  if (asRoot) await chown(directory, SOMEBODY, SOMEBODY);
  const service = await spawnService(t, directory, {
    shell: asRoot ? `exec ${AS_SOMEBODY.join(' ')} ${READS_ALL} "$@"` : 'exec "$@"',
  });
  await service.serves();
  const before = await allowed(service);
  // The process has more than one thread already.
  await allow(service, '1');
  const created = await service.create();
  t.is(created.status, 201);

  // LevelDB compacts its memory table when it has about 4 MiB, in its background thread.
  const path = `/api/disks/${JSON.parse(created.text).uuid}`;
  const compacted = async () =>
    (await readdir(join(directory, 'data', 'db'))).some(name => name.endsWith('.ldb'));
  let edited = 0;
  const edit = () => {
    edited += 1;
    return service.call('PATCH', path, { tag: String(edited).padStart(255, '\u{1F4BE}') });
  };
  await until(
    async () => {
      const edits = await Promise.all(Array.from({ length: 64 }, edit));
      t.true(edits.every(({ status }) => status === 200));
      return compacted();
    },
    'LevelDB to compact',
    { timeoutMs: START_MS, hint: service.output },
  );

  const refused = await service.call('GET', '/api/leftovers');
  t.like(refused, { status: 503, code: 'POOL_UNAVAILABLE' });
  t.regex(refused.text, /no more processes or threads; raise their limit \(ulimit -u, TasksMax/);
  await allow(service, before);
  t.is((await service.call('GET', '/api/leftovers')).status, 200);
  t.is((await service.call('DELETE', path)).status, 200);
  t.is(await service.end(), 0);
});
