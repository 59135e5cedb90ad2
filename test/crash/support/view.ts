// Everything that can be seen of a site at rest: the API, the pool, the data folder, the domains.
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { FakeLibvirtd } from '../../../testkit/fakes/libvirtd.ts';
import type { Site } from './site.ts';

interface AttachmentSeen {
  readonly id: string;
  readonly state: string;
  readonly mode: 'hot' | 'cold';
  readonly node: string;
  readonly vm_id: string;
  readonly domain: string | null;
  readonly doubt: object | null;
}

/** A disk in the full view. */
export interface DiskSeen {
  readonly uuid: string;
  readonly tag: string;
  readonly owner: string;
  readonly visibility: string;
  readonly size: number;
  readonly state: string;
  readonly limit: number;
  readonly users: number;
  readonly attachments: readonly AttachmentSeen[];
  readonly waiting: readonly { readonly for: string }[];
}

/** A disk of ours in a domain. */
interface Device {
  readonly node: string;
  readonly vm: string;
  readonly domain: string;
  readonly disk: string;
  readonly source: string;
}

interface AccountSeen {
  readonly name: string;
  readonly role: string;
  readonly disks: string;
  readonly size: string;
  readonly quota: { readonly disks: string | null; readonly size: string | null };
}

/** What is seen of a site. */
export interface View {
  readonly disks: readonly DiskSeen[];
  /** The number of disks and of attachments by their state. */
  readonly counts: Readonly<Record<'disk' | 'attachment', Readonly<Record<string, number>>>>;
  readonly drift: readonly { readonly kind: string; readonly disk: string | null; readonly detail: string }[];
  readonly leftovers: readonly string[];
  readonly nodes: readonly {
    readonly node: string;
    readonly reachable: boolean;
    readonly alarm: string | null;
  }[];
  readonly accounts: readonly AccountSeen[];
  /** The names of the administrator's tokens. */
  readonly tokens: readonly string[];
  /** Files of the pool with their sizes in bytes. */
  readonly volumes: ReadonlyMap<string, number>;
  /** Names in the data folder. */
  readonly data: readonly string[];
  readonly pool: string;
  /** Devices of live domains, and of definitions. */
  readonly live: readonly Device[];
  readonly defined: readonly Device[];
}

function devicesOf(node: string, fake: FakeLibvirtd, which: 'disks' | 'coldDisks'): Device[] {
  return fake.vms
    .all()
    .flatMap(vm =>
      vm[which]
        .filter(({ alias }) => alias.startsWith('ua-'))
        .map(({ alias, source }) => ({ node, vm: vm.name, domain: vm.uuid, disk: alias.slice(3), source })),
    );
}

async function filesIn(folder: string): Promise<Map<string, number>> {
  const files = new Map<string, number>();
  for (const name of await readdir(folder)) files.set(name, (await stat(join(folder, name))).size);
  return files;
}

/** Looks at a site whose service serves. */
export async function look(site: Site): Promise<View> {
  const get = <T>(path: string): Promise<T> => site.demand<T>('GET', path);
  const disks = await get<DiskSeen[]>('/api/disks?view=full');
  const charts =
    await get<{ name: 'disk' | 'attachment'; states: { state: string; count: number }[] }[]>('/api/charts');
  const counts = { disk: {}, attachment: {} } as Record<'disk' | 'attachment', Record<string, number>>;
  for (const { name, states } of charts)
    for (const { state, count } of states) if (count > 0) counts[name][state] = count;
  return {
    disks,
    counts,
    drift: await get('/api/drift'),
    leftovers: (await get<{ uuid: string }[]>('/api/leftovers')).map(({ uuid }) => uuid),
    nodes: await get('/api/nodes'),
    accounts: await get('/api/users'),
    tokens: (await get<{ name: string }[]>('/api/tokens')).map(({ name }) => name),
    volumes: await filesIn(site.pool),
    data: await readdir(join(site.folder, 'data')),
    pool: site.pool,
    live: [...devicesOf('n1', site.n1, 'disks'), ...devicesOf('n2', site.n2, 'disks')],
    defined: [...devicesOf('n1', site.n1, 'coldDisks'), ...devicesOf('n2', site.n2, 'coldDisks')],
  };
}
