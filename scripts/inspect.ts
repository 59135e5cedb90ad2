// For work on the charts: runs the service with data in memory, two fake nodes and some traffic, and opens
// its inspector page.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startFakeLibvirtd } from '../testkit/fakes/libvirtd.ts';
import { PASSWORD } from '../testkit/http.ts';
import { startService } from '../testkit/service.ts';

const HELP = `Usage: npm run inspect [-- --port PORT]

Serves on 127.0.0.1, with data in memory, two fake nodes and some traffic, and opens the page /inspect on it if
this computer has a desktop. Your own disks and the VMs 7 and 8 of the node localhost are left alone, for the
README's story. Ctrl-C ends the service and removes its data.

  --port PORT  where to serve (8445)
  --help       this text

PDISK_INSPECT=ws://HOST:PORT also reports the actors to Stately's inspector.
`;

const { values } = parseArgs({
  options: { port: { type: 'string', default: '8445' }, help: { type: 'boolean' } },
});
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const nodes = ['n1', 'n2'] as const;
const VMS = 4;
/**
 * On the first node, which is also called localhost. Without traffic, for people who try the README's story.
 */
const STORY_VMS = ['one-7', 'one-8'];
const TAG = 'disk of the ';
const DISKS = 8;
const BEAT_MS = 1500;

const pick = <T>(all: readonly T[]): T => all[Math.floor(Math.random() * all.length)] as T;

async function main(): Promise<void> {
  // Linux keeps this folder in memory.
  if (existsSync('/dev/shm')) process.env.TMPDIR = '/dev/shm';
  const directory = await mkdtemp(join(tmpdir(), 'pdisk-inspect-'));
  const fakes = await Promise.all(
    nodes.map(node => startFakeLibvirtd({ unix: join(directory, node), unplugMs: 2000 })),
  );
  for (const fake of fakes) {
    for (let id = 1; id <= VMS; id += 1) {
      // One guest never releases a disk, like a VM without an operating system.
      fake.addDomain({ name: `one-${id}`, ...(id === VMS ? { manners: 'unwilling' } : {}) });
    }
  }
  for (const name of STORY_VMS) fakes[0]?.addDomain({ name });
  const service = await startService({
    listen: `127.0.0.1:${values.port}`,
    nodes: {
      ...Object.fromEntries(nodes.map((node, index) => [node, fakes[index]?.uri])),
      localhost: fakes[0]?.uri,
    },
    detach_timeout: 8,
  });
  const ending = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => ending.abort());

  const post = (path: string, form: Record<string, string>) => service.call('POST', path, { form });

  /** Sends one random request; refusals are a part of the show. */
  async function ask(): Promise<void> {
    const all = (await service.call('GET', '/api/disks')).body as { uuid: string; tag: string }[];
    const disks = all.filter(({ tag }) => tag.startsWith(TAG));
    if (disks.length < DISKS / 2) {
      await post('/api/create', {
        size: '1',
        tag: `${TAG}${Date.now() % 1000}`,
        visibility: 'private',
      });
      return;
    }
    const { uuid } = pick(disks);
    const vm = { node: pick(nodes), vm_id: String(1 + Math.floor(Math.random() * VMS)) };
    const chart = (await service.call('GET', `/api/disks/${uuid}/chart`)).body as {
      attachments: readonly { mode: string; node: string; vm_id: string }[];
    };
    const there = chart.attachments[0];
    if (!there && disks.length > DISKS - 2) await service.call('DELETE', `/api/disks/${uuid}`);
    else if (!there) await post(`/api/${pick(['hotattach', 'hotattach', 'attach'])}/${uuid}`, vm);
    else if (there.mode === 'hot')
      await post(`/api/hotdetach/${uuid}`, { node: there.node, vm_id: there.vm_id });
    else await post('/api/detach', { node: there.node, vm_id: there.vm_id });
  }

  const url = `${service.url}/inspect`;
  say(`${url}\naccount admin, password ${PASSWORD}\nCtrl-C ends it.`);
  if (process.env.DISPLAY || process.env.WAYLAND_DISPLAY) {
    spawn('xdg-open', [url], { stdio: 'ignore', detached: true })
      .on('error', () => {})
      .unref();
  }
  while (!ending.signal.aborted) {
    // Not awaited: an unplug may take long.
    ask().catch(() => {});
    await delay(BEAT_MS, undefined, { signal: ending.signal }).catch(() => {});
  }
  await service.remove();
  await Promise.all(fakes.map(fake => fake.stop()));
  await rm(directory, { recursive: true, force: true });
}

if (values.help) process.stdout.write(HELP);
else await main();
