// Plugs a disk into a real guest and unplugs it, one after the other: through the service, and by libvirt's
// calls alone.
import { randomUUID } from 'node:crypto';
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { aliasOf, diskElement, serialOf } from '../../../src/hypervisor/disk-xml.ts';
import { type LibvirtClient, openClient } from '../../../src/libvirt/client.ts';
import { AFFECT_LIVE } from '../../../src/libvirt/constants.ts';
import { bootGuest, type Guest } from '../../../testkit/guest.ts';
import { startLibvirtd } from '../../../testkit/libvirtd.ts';
import type { Bench } from './bench.ts';
import type { Measured } from './figures.ts';
import { type Sample, takeRounds } from './rounds.ts';
import { type Server, startServer } from './server.ts';

const GIB = 2 ** 30;
/** One round is one attach and one detach. */
const ROUNDS_FOR_ONE = 6;
const NODE = 'onehost-1';

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

/** Plugs the disk in, waits until the guest has found it and is idle again, and unplugs it. */
async function there(
  guest: Guest,
  uuid: string,
  by: { attach: () => Promise<unknown>; detach: () => Promise<unknown> },
): Promise<Sample> {
  const from = guest.mark();
  const serial = serialOf(uuid).slice(0, 20);
  const attach = await timed(by.attach);
  await guest.waitFor(new RegExp(`DISK-UP \\S+ serial=${serial}`), { from });
  const seen = guest.mark();
  const detach = await timed(by.detach);
  await guest.waitFor(/DISK-GONE/, { from: seen });
  return { attach, detach };
}

/**
 * libvirt's calls alone: attach with the same XML as the service's; detach, and the event that it is done.
 */
async function bareCalls(client: LibvirtClient, guest: Guest, directory: string) {
  const uuid = randomUUID();
  const path = join(directory, `${uuid}.raw`);
  const file = await open(path, 'wx');
  await file.truncate(GIB);
  await file.close();
  const domain = await client.lookupByName(guest.name);
  const xml = diskElement({ disk: uuid, source: { type: 'file', path }, target: 'vda', shareable: false });
  return {
    uuid,
    attach: () => client.attachDevice(domain, xml, AFFECT_LIVE),
    async detach() {
      let stop = (): void => {};
      const removed = new Promise<void>(resolve => {
        stop = client.subscribe(event => {
          if (event.type === 'device-removed' && event.alias === aliasOf(uuid)) resolve();
        });
      });
      await client.detachDeviceByAlias(domain, aliasOf(uuid), AFFECT_LIVE);
      await removed;
      stop();
    },
  };
}

async function throughService({ lines }: Server, guest: Guest) {
  const made = await lines.ask('POST', '/api/create', { size: '1', tag: 'bench', visibility: 'private' });
  const { uuid } = JSON.parse(made.body) as { uuid: string };
  const ask = (what: string) => async (): Promise<void> => {
    const { status, body } = await lines.ask('POST', `/api/${what}/${uuid}`, {
      node: NODE,
      vm_id: guest.name,
    });
    if (status !== 200) throw new Error(`${what} was answered with ${status} ${body}`);
  };
  return { uuid, attach: ask('hotattach'), detach: ask('hotdetach') };
}

/** Measures plugging through the service; the floor is libvirt's calls alone. */
export async function plug(bench: Bench): Promise<Measured[]> {
  const libvirtd = await startLibvirtd();
  const directory = join(bench.directory, 'bare-images');
  await mkdir(directory, { recursive: true });
  let server: Server | undefined;
  let client: LibvirtClient | undefined;
  try {
    const guest = await bootGuest(libvirtd, { name: 'one-7' });
    client = await openClient(libvirtd.uri, { events: true });
    const settings = { nodes: { [NODE]: libvirtd.uri } };
    server = await startServer({
      directory: join(bench.directory, 'plug'),
      settings,
      profile: bench.profile,
    });
    const [ours, bare] = [await throughService(server, guest), await bareCalls(client, guest, directory)];
    const measure = {
      ours: () => there(guest, ours.uuid, ours),
      floor: () => there(guest, bare.uuid, bare),
    };
    // A warm-up: the first round finds empty caches.
    await takeRounds(1, bench.look, measure);
    const rounds = await takeRounds(bench.rounds * ROUNDS_FOR_ONE, bench.look, measure);
    return [
      {
        what: 'POST /api/hotattach/:uuid',
        beside: "libvirt's call",
        rounds,
        figures: [{ name: 'one at a time', key: 'attach', unit: 'ms', aim: { of: 'ratio', atMost: 1.1 } }],
      },
      {
        what: 'POST /api/hotdetach/:uuid',
        beside: "libvirt's call and its event",
        rounds,
        figures: [{ name: 'one at a time', key: 'detach', unit: 'ms' }],
      },
    ];
  } finally {
    await server?.stop();
    await client?.close();
    await libvirtd.stop();
  }
}
