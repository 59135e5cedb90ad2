import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { nanoid } from 'nanoid';
import { pino } from 'pino';
import type { Caller } from '../../../src/accounts/caller.ts';
import { createDisks, type Disks } from '../../../src/disks/disks.ts';
import { createHypervisor } from '../../../src/hypervisor/create.ts';
import { monotonicNow } from '../../../src/lib/clock.ts';
import { recordKinds } from '../../../src/record-kinds.ts';
import { openFilePool } from '../../../src/storage/file.ts';
import type { Pool } from '../../../src/storage/pool.ts';
import type { EventRecord } from '../../../src/store/records.ts';
import { openStore, type Store } from '../../../src/store/store.ts';
import { type FakeLibvirtd, startFakeLibvirtd } from '../../../testkit/fakes/libvirtd.ts';
import { until } from '../../../testkit/until.ts';

/** An administrator, and the cause of requests, for calls of the services. */
export const admin: Caller = { account: 'admin', role: 'admin' };
export const cause = { kind: 'request' } as const;
/** Mere pauses are short; deadlines that must not pass before a busy computer has done its work are long. */
const times = {
  connectMs: 60_000,
  retryMs: 20,
  pollMs: 50,
  askAgainMs: 300,
  lastLookMs: 60_000,
  settlingMs: 40,
};
/**
 * A deadline that a test waits for, in milliseconds: three quarters of it are for the request, the last
 * quarter is for looking at the outcome.
 */
export const NEAR_MS = 6000;
const settings = {
  userLimit: 1,
  vmAccess: 'any' as const,
  attachTimeoutMs: 60_000,
  detachTimeoutMs: 60_000,
  createTimeoutMs: 60_000,
  deleteTimeoutMs: 60_000,
  reconcileIntervalMs: 200,
  settlingMs: 40,
  questionMs: 60_000,
};
const noQuota = { disks: Number.POSITIVE_INFINITY, sizeGiB: Number.POSITIVE_INFINITY };

/**
 * Two nodes of fake libvirtds (`n1`, `n2`, named or under the wildcard), a real store and a real file pool;
 * all of it ends with the test.
 */
export async function createSite(
  t: Pick<ExecutionContext, 'fail' | 'teardown'>,
  more: Partial<typeof settings> = {},
  {
    tcp = false,
    wildcard = false,
    locks = true,
    stands = () => true,
    pool: around = pool => pool,
    store: beforeStore = store => store,
    level = 'warn',
  }: {
    tcp?: boolean;
    wildcard?: boolean;
    /** Whether QEMU locks images. */
    locks?: boolean;
    stands?: () => boolean;
    pool?: (pool: Pool) => Pool;
    store?: (store: Store) => Store;
    /** The lowest log level that `lines` has. */
    level?: 'info' | 'warn';
  } = {},
) {
  const directory = await mkdtemp(join(tmpdir(), 'pdisk-site-'));
  const n1 = await startFakeLibvirtd({ unix: join(directory, 'n1'), locks, ...(tcp ? { tcp: 0 } : {}) });
  const n2 = await startFakeLibvirtd({ unix: join(directory, 'n2'), locks });
  const everyNode = ['*', `qemu:///system?socket=${directory}/{node}`] as const;
  const nodes = new Map<string, string>(
    wildcard
      ? [everyNode]
      : [...(n1.tcpUri ? [['n1-by-tcp', n1.tcpUri] as const] : []), ['n1', n1.uri], ['n2', n2.uri]],
  );
  const lines: string[] = [];
  const published: EventRecord[] = [];
  const log = pino({ level }, { write: line => lines.push(line) });
  let running: { disks: Disks; end(): Promise<void> } | undefined;

  async function start(): Promise<Disks> {
    const store = beforeStore(
      await openStore({
        kinds: recordKinds,
        directory: join(directory, 'db'),
        onFailure: error => t.fail(error.message),
      }),
    );
    const pool = around(
      await openFilePool({ directory: join(directory, 'pool'), overcommit: 1, owner: 'tests' }),
    );
    const hypervisor = createHypervisor({ nodes, vmNames: ['{vm_id}', 'one-{vm_id}'], log, times });
    const disks = await createDisks({
      store,
      pool,
      hypervisor,
      log,
      now: monotonicNow,
      time: Date.now,
      stands,
      newUuid: randomUUID,
      newId: nanoid,
      quotaOf: () => noQuota,
      accountNamed: name => ({ name }),
      publish: events => published.push(...events),
      fault: error => t.fail(error.stack ?? error.message),
      settings: { ...settings, ...more },
    });
    await disks.recover();
    const end = async (): Promise<void> => {
      await disks.stop();
      await hypervisor.close();
      await store.close();
    };
    running = { disks, end };
    return disks;
  }

  t.teardown(async () => {
    await running?.end();
    await Promise.all([n1.stop(), n2.stop()]);
    await rm(directory, { recursive: true });
  });
  const site = {
    n1,
    n2,
    lines,
    /** All events so far, those before a restart included. */
    published,
    directory,
    disks: await start(),
    /** The libvirtd to which a node's name leads, from the next start on. */
    nodes,
    async restart(meanwhile?: () => unknown): Promise<void> {
      await running?.end();
      lines.length = 0;
      await meanwhile?.();
      site.disks = await start();
    },
    async create(): Promise<string> {
      const disk = { sizeGiB: 1, tag: '', visibility: 'private' as const };
      return (await site.disks.service.create(admin, disk, cause)).uuid;
    },
    /** Starts this many VMs on n1, from one-1 on, each with a disk plugged in; resolves with the disks. */
    plugged: (count: number): Promise<string[]> =>
      Promise.all(
        Array.from({ length: count }, async (_, index) => {
          site.n1.addDomain({ name: `one-${index + 1}` });
          const uuid = await site.create();
          await site.hotattach(uuid, String(index + 1));
          return uuid;
        }),
      ),
    hotattach: (uuid: string, vmId: string, node = 'n1') =>
      site.disks.service.hotattach(admin, uuid, { node, vmId }, cause),
    hotdetach: (uuid: string, vmId: string, node = 'n1') =>
      site.disks.service.hotdetach(admin, uuid, { node, vmId }, cause),
    detach: (vmId: string, node = 'n1') => site.disks.service.detach(admin, { node, vmId }, cause),
    /** Why it is not known whether a disk's VM is gone; waits until that is unknown. */
    untilDoubt: (uuid: string) =>
      until(
        () => site.disks.service.getDetails(admin, uuid).attachments[0]?.doubt?.detail,
        `doubt about the VM of ${uuid}`,
        { hint: () => lines.join('') },
      ),
    users: (uuid: string): number => site.disks.service.get(admin, uuid).users,
    untilUsers: (uuid: string, users: number) =>
      until(() => site.users(uuid) === users, `${users} users of ${uuid}`, { hint: () => lines.join('') }),
    untilLogged: (text: string) =>
      until(() => lines.some(line => line.includes(text)), `"${text}" in the log`, {
        hint: () => lines.join(''),
      }),
  };
  return site;
}

/** The disks in a fake VM. */
export const pluggedIn = (fake: FakeLibvirtd, name: string): string[] =>
  fake.domain(name).disks.map(disk => disk.alias.replace(/^ua-/, ''));
