import { randomUUID } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { nanoid } from 'nanoid';
import { pino } from 'pino';
import { accountStore } from '../../../src/accounts/account-store.ts';
import { createAccounts } from '../../../src/accounts/accounts.ts';
import { prepareFirstAdministrator } from '../../../src/accounts/first-administrator.ts';
import { accountKinds } from '../../../src/accounts/record.ts';
import { prepareDataFolder } from '../../../src/data-folder.ts';
import { createDisks } from '../../../src/disks/disks.ts';
import { isWaiting } from '../../../src/disks/records/records.ts';
import { createHypervisor } from '../../../src/hypervisor/create.ts';
import { monotonicNow } from '../../../src/lib/clock.ts';
import { recordKinds } from '../../../src/record-kinds.ts';
import { openLabels, openPool } from '../../../src/storage/open.ts';
import { readOwner } from '../../../src/storage/owner.ts';
import { demandNoVolumes } from '../../../src/storage/strange-volumes.ts';
import { kinds } from '../../../src/store/records.ts';
import { openStore } from '../../../src/store/store.ts';
import { until } from '../../../testkit/until.ts';

const settings = {
  userLimit: 1,
  vmAccess: 'any' as const,
  attachTimeoutMs: 60_000,
  detachTimeoutMs: 60_000,
  createTimeoutMs: 60_000,
  deleteTimeoutMs: 60_000,
  reconcileIntervalMs: 600_000,
};
const silent = pino({ level: 'silent' });
/** Quick, for accounts that only a recovery has made. */
const cost = { cost: 2, blockSize: 8, parallelization: 1 };
const noQuota = { disks: Number.POSITIVE_INFINITY, sizeGiB: Number.POSITIVE_INFINITY };
const GIB = 2 ** 30;

// As root, a pool asks in a process of its own whether QEMU may open images, which takes most of a recovery.
process.getuid = () => 1;

/** What a start after a power failure finds, when everything has come to rest. */
export interface Found {
  /**
   * By what it is (`disk UUID`, `account NAME`, `volume UUID`, `file NAME`), each with its fields as text.
   */
  readonly things: ReadonlyMap<string, string>;
  /** What must not be: halves of volumes, disks without a volume, unfinished files. */
  readonly faults: readonly string[];
}

/**
 * Starts the parts of the service on a data folder in the order of `src/main.ts`, without a network, and ends
 * them again. Rejects with a sentence where the service would refuse to start.
 */
export async function recover(dataDir: string): Promise<Found> {
  const failures: string[] = [];
  const fail = (error: Error): void => {
    failures.push(error.message);
  };
  await prepareDataFolder(dataDir, () => {});
  const ownerFile = join(dataDir, 'owner');
  const directory = join(dataDir, 'pool');
  const store = await openStore({
    directory: dataDir,
    kinds: recordKinds,
    traces: [ownerFile],
    onFailure: fail,
  });
  try {
    const owner = await readOwner(ownerFile);
    const lvm = { wipe: 'none' as const, wipeRateMiB: 0 };
    const place = { kind: 'file', directory } as const;
    const pool = await openPool(place, { overcommit: 1, owner: owner.name, lvm });
    if (owner.isNew) await demandNoVolumes(pool);
    await owner.keep();
    const hypervisor = createHypervisor({ nodes: new Map(), vmNames: ['{vm_id}'], log: silent });
    const accounts = await createAccounts(accountStore(store), { cost });
    const disks = await createDisks({
      store,
      pool,
      labels: openLabels(place, pool.check, sentence => failures.push(sentence)),
      hypervisor,
      log: silent,
      now: monotonicNow,
      time: Date.now,
      stands: () => true,
      newUuid: randomUUID,
      newId: nanoid,
      quotaOf: () => noQuota,
      accountNamed: accounts.named,
      publish: () => {},
      fault: fail,
      settings,
    });
    await disks.recover();
    await (await prepareFirstAdministrator(accounts, dataDir, undefined))?.create();
    const records = await until(
      async () => {
        const all = await store.load(kinds.disk);
        return all.some(record => isWaiting(record as never)) ? undefined : all;
      },
      'all disks at rest',
      { timeoutMs: 60_000 },
    );
    const known = await store.load(accountKinds.account);
    await disks.stop();
    await hypervisor.close();
    const volumes = await volumesIn(directory);
    const things = new Map<string, string>();
    for (const { name, role } of known) things.set(`account ${name}`, role);
    for (const { context } of records)
      things.set(`disk ${context.uuid}`, `${context.sizeGiB} GiB, '${context.tag}'`);
    for (const [uuid, bytes] of volumes)
      if (!things.has(`disk ${uuid}`)) things.set(`volume ${uuid}`, `${bytes} bytes`);
    const password = await readFile(join(dataDir, 'admin-password'), 'utf8').catch(() => '');
    if (password !== '') things.set('file admin-password', password.trim());
    const faults = records.flatMap(({ state, context: { uuid, sizeGiB } }) => {
      const bytes = volumes.get(uuid);
      if (bytes === sizeGiB * GIB) return [];
      return [`disk ${uuid} (${state}, ${sizeGiB} GiB) has a volume of ${bytes ?? 'no'} bytes`];
    });
    return { things, faults: [...faults, ...failures, ...(await unfinishedIn(dataDir))] };
  } finally {
    await store.close();
  }
}

/** The size of each volume, in bytes. */
async function volumesIn(directory: string): Promise<ReadonlyMap<string, number>> {
  const names = (await readdir(directory)).filter(name => name.endsWith('.raw'));
  const sizes = names.map(async name => (await stat(join(directory, name))).size);
  const all = await Promise.all(sizes);
  return new Map(names.map((name, index) => [name.replace('.raw', ''), all[index] ?? 0]));
}

const unfinishedIn = async (dataDir: string): Promise<string[]> =>
  (await readdir(dataDir, { recursive: true }))
    .filter(name => name.endsWith('.new'))
    .map(name => `the unfinished file ${name} is left over`);
