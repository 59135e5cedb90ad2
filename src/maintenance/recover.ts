// The store is lost, and the volumes are there. Their labels say whose they are, and the live domains which
// VMs have them. Accounts are lost: each owner gets one of the same name and id with a password that nobody
// knows, so that the disks are his again as soon as an administrator has set a new one.
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { diskKey } from '../../machines/notes.ts';
import type { Timeouts } from '../../machines/stamp.ts';
import { accountStore } from '../accounts/account-store.ts';
import { createAccounts } from '../accounts/accounts.ts';
import { prepareFirstAdministrator } from '../accounts/first-administrator.ts';
import { defaultCost, impossibleHash } from '../accounts/password.ts';
import type { AccountRecord } from '../accounts/record.ts';
import type { Config } from '../config.ts';
import { isServing } from '../control-socket.ts';
import { prepareDataFolder } from '../data-folder.ts';
import { createActorSystem } from '../disks/actors/system.ts';
import { createRecordIndex } from '../disks/records/record-index.ts';
import { createHypervisor } from '../hypervisor/create.ts';
import { writeDurably } from '../lib/durable-file.ts';
import { GIB } from '../lib/gib.ts';
import { slicesOf } from '../lib/slices.ts';
import { recordKinds } from '../record-kinds.ts';
import { claimantOf } from '../storage/claim.ts';
import type { DiskLabel } from '../storage/label.ts';
import { openLabels, openPool } from '../storage/open.ts';
import { readOwner } from '../storage/owner.ts';
import type { VolumeEntry } from '../storage/pool.ts';
import { prefixes } from '../store/keys.ts';
import { openStore, type Store } from '../store/store.ts';
import { liveDisks } from './live-disks.ts';
import { ownerFile } from './source.ts';

/** How many disks are decided before the event loop gets a turn. */
const SLICE = 1000;
const ADMIN = 'admin';
/** No chart waits for anything here. */
const NO_TIME: Timeouts = {
  creating: 0,
  deleting: 0,
  growing: 0,
  wiping: 0,
  attaching: 0,
  detaching: 0,
  claiming: 0,
};

/** What the operator agrees to. */
export interface RecoverOptions {
  /** The pool belongs to another pdisk by its own words, which is gone for good. */
  readonly takePool: boolean;
  /** Nodes that do not answer are left out: their VMs may have disks that seem to be free. */
  readonly withoutNodes: boolean;
  /** The password of the administrator (PDISK_ADMIN_PASSWORD); undefined: a random one. */
  readonly password: string | undefined;
}

type Labelled = readonly [volume: VolumeEntry, label: DiskLabel];

/**
 * The permanent name of this pdisk. If its file is lost, too, the pool has it. Throws a sentence if that may
 * be the name of another pdisk.
 */
async function nameFor({ dataDir, pool }: Config, takePool: boolean) {
  const owner = await readOwner(ownerFile(dataDir));
  const claimant = pool.kind === 'file' ? await claimantOf(pool.directory) : undefined;
  if (!owner.isNew || claimant === undefined) return owner;
  if (!takePool)
    throw new Error(
      `the pool belongs to the pdisk ${claimant}, and ${dataDir} does not say that this is the one: no other pdisk may use the pool. If none does any more, say so with --take-pool`,
    );
  const keep = (): Promise<void> => writeDurably(ownerFile(dataDir), `${claimant}\n`);
  return { name: claimant, isNew: true, keep };
}

/**
 * The account that each name stands for: if a name was used by several accounts, it is the one of the newest
 * disk.
 */
function accountsOf(labelled: readonly Labelled[]): Map<string, string | undefined> {
  const inOrder = labelled.map(([, label]) => label).sort((a, b) => a.created - b.created);
  return new Map(inOrder.map(({ owner, ownerId }) => [owner, ownerId]));
}

async function makeAccounts(
  store: Store,
  dataDir: string,
  owners: ReadonlyMap<string, string | undefined>,
  password: string | undefined,
): Promise<readonly string[]> {
  const id = owners.get(ADMIN);
  const accounts = await createAccounts(accountStore(store), id === undefined ? {} : { newId: () => id });
  const first = await prepareFirstAdministrator(accounts, dataDir, password);
  await first?.create();
  const others = [...owners].filter(([name]) => name !== ADMIN && name !== '');
  await store.commit(
    others.map(([name, id]) => {
      const record: AccountRecord = { v: 1, name, id, role: 'user', password: impossibleHash(defaultCost) };
      return { key: prefixes.account + name, value: record };
    }),
  );
  const shown = first?.password === undefined ? '' : `, password ${first.password} (kept in ${first.file})`;
  return [
    `account ${ADMIN}${shown}`,
    ...(others.length > 0
      ? [
          `${others.length} accounts are there again as users without a password; an administrator sets one with PUT /api/users/NAME: ${others.map(([name]) => name).join(', ')}`,
        ]
      : []),
  ];
}

async function makeDisks(store: Store, labelled: readonly Labelled[]): Promise<void> {
  const decided = createRecordIndex();
  const system = createActorSystem({
    groupCommit: store,
    effects: () => Promise.reject(new Error('nothing is done to volumes and VMs here')),
    decided,
    committed: createRecordIndex(),
    lastSequence: 0,
    timeouts: NO_TIME,
    now: Date.now,
    time: Date.now,
    publish: () => {},
    fault: error => {
      throw error;
    },
  });
  for await (const slice of slicesOf(labelled, SLICE))
    await Promise.all(
      slice.map(([{ bytes }, label]) => {
        const sizeGiB = Math.max(1, Math.ceil(bytes / GIB));
        const event = { type: 'ADOPT' as const, ...label, sizeGiB, obstacle: null };
        return system.deliver([{ to: diskKey(label.uuid), event }], { kind: 'recovery' });
      }),
    );
}

/**
 * Makes the records of a lost store anew, from the volumes of the pool and their labels. There must be no
 * store. Resolves with sentences for the operator; throws one if nothing was made.
 */
export async function recover(
  config: Config,
  { takePool, withoutNodes, password }: RecoverOptions,
  log: Logger,
): Promise<readonly string[]> {
  const { dataDir, overcommit, wipe, wipeRateMiB } = config;
  const warn = (sentence: string): void => log.warn(sentence);
  await prepareDataFolder(dataDir, warn);
  if (await isServing(dataDir)) throw new Error(`the service of ${dataDir} runs; end it first`);
  if ((await readdir(dataDir)).includes('db'))
    throw new Error(
      `${dataDir} has a store (${join(dataDir, 'db')}); what can be saved of it is worth more than what can be made anew. Restore a backup, start with --accept-loss, or move it away first`,
    );
  const owner = await nameFor(config, takePool);
  const pool = await openPool(config.pool, { overcommit, owner: owner.name, lvm: { wipe, wipeRateMiB } });
  const volumes = await pool.list();
  const labels = await openLabels(config.pool, pool.check, warn).read();

  const hypervisor = createHypervisor({
    nodes: new Map(Object.entries(config.nodes)),
    vmNames: config.vmNames,
    log,
  });
  const live = await liveDisks(hypervisor).finally(hypervisor.close);
  if (live.silent.length > 0 && !withoutNodes)
    throw new Error(
      `${live.silent.join('; ')}: a disk that a VM has there would seem to be free. Nothing was made; try again, or leave such nodes out with --without-nodes`,
    );

  const usable = volumes.filter(({ bytes, obstacle }) => bytes > 0 && obstacle === undefined);
  const labelled = usable.flatMap(volume => {
    const label = labels.get(volume.uuid);
    return label ? [[volume, label] as const] : [];
  });
  const store = await openStore({
    directory: dataDir,
    kinds: recordKinds,
    traces: [ownerFile(dataDir)],
    acceptLoss: true,
    onFailure: error => log.error(error.message),
  });
  try {
    const accounts = await makeAccounts(store, dataDir, accountsOf(labelled), password);
    await makeDisks(store, labelled);
    await owner.keep();
    await store.close();
    const attached = labelled.filter(([{ uuid }]) => live.disks.has(uuid)).length;
    const others = volumes.length - labelled.length;
    return [
      `${labelled.length} disks have records again, ${attached} of them are in live domains: the start finds them attached there`,
      ...(others > 0
        ? [`${others} volumes have no label that says whose they are: GET /api/leftovers lists them`]
        : []),
      ...(live.silent.length > 0 ? [`left out: ${live.silent.join('; ')}`] : []),
      ...accounts,
      'lost are: which VMs were registered before their launch (cold attachments), roles, quotas, tokens, and the event log',
    ];
  } catch (error) {
    // What was begun would stand in the way of the next attempt.
    await store.close().catch(() => {});
    await rm(join(dataDir, 'db'), { recursive: true, force: true });
    throw error;
  }
}
