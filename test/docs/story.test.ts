// The README's story, typed as it stands there; only the port is another.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { startFakeLibvirtd } from '../../testkit/fakes/libvirtd.ts';
import { startService } from '../../testkit/service.ts';

const run = promisify(execFile);

test("the README's story works as it is written", async t => {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  const [, story = ''] = /## The story, with curl[\s\S]*?```sh\n([\s\S]*?)```/.exec(readme) ?? [];
  const [, password = ''] = /export PDISK_ADMIN_PASSWORD='(.*?)'/.exec(readme) ?? [];
  const [, base = ''] = /url=(http:\S+)\/api/.exec(story) ?? [];
  const directory = await mkdtemp(join(tmpdir(), 'pdisk-story-'));
  const node = await startFakeLibvirtd({ unix: join(directory, 'n1') });
  for (const name of ['7', 'one-8']) node.addDomain({ name });
  const service = await startService({ nodes: { localhost: node.uri } }, { PDISK_ADMIN_PASSWORD: password });
  try {
    const script = story.replace(base, service.url);
    const { PDISK_ADMIN_PASSWORD: _, ...env } = process.env;
    const { stdout } = await run('bash', ['-euo', 'pipefail', '-c', script], { env });
    const answers = stdout.split('\n').filter(line => line.startsWith('{'));
    const [uuid = ''] = stdout.split('\n');
    const on = (vm_id: string, disks: string[]) => ({ node: 'localhost', vm_id, target: 'vda', uuid: disks });
    t.like(
      answers.map(line => JSON.parse(line)),
      [on('7', [uuid]), { uuid, users: '1' }, on('7', []), on('8', [uuid]), on('8', []), { uuid }],
    );
    t.regex(stdout, /^x-diskuser-remaining: 0\r?$/im);
    const left = await service.call('GET', '/api/disks', { as: `admin:${password}` });
    t.deepEqual(left.body, []);
  } finally {
    await service.remove();
    await node.stop();
    await rm(directory, { recursive: true });
  }
});
