// One process of the service, as src/main.ts composes it, over the doubles; and its end.
import type { Logger } from 'pino';
import { accountStore } from '../../src/accounts/account-store.ts';
import { type Accounts, createAccounts } from '../../src/accounts/accounts.ts';
import { createDisks, type Disks } from '../../src/disks/disks.ts';
import { createHypervisor } from '../../src/hypervisor/create.ts';
import type { NodeLinkOptions } from '../../src/hypervisor/node-link.ts';
import { createLatch } from '../../src/lib/latch.ts';
import type { EventRecord } from '../../src/store/records.ts';
import type { Chance } from './chance.ts';
import { openSimulatedPool, type VolumePlace } from './pool.ts';
import { type DurableDisk, openSimulatedStore } from './store.ts';

/** Cheap, because the passwords of the simulation are no secrets. */
const COST = { cost: 2, blockSize: 1, parallelization: 1 };
const UNLIMITED = { disks: Number.POSITIVE_INFINITY, sizeGiB: Number.POSITIVE_INFINITY };

/** The settings that differ from run to run. */
export interface ServiceSettings {
  readonly userLimit: number;
  readonly vmAccess: 'any' | 'service';
  readonly timeoutMs: number;
  readonly nodes: ReadonlyMap<string, string>;
}

/** What a process of the service is made of. */
export interface ServiceParts {
  readonly disk: DurableDisk;
  readonly place: VolumePlace;
  readonly chance: Chance;
  readonly open: NodeLinkOptions['open'];
  readonly settings: ServiceSettings;
  readonly newUuid: () => string;
  readonly newId: () => string;
  /** The system's clock, in milliseconds since 1970. */
  readonly time: () => number;
  /** The events that readers get. */
  readonly publish: (events: readonly EventRecord[]) => void;
  readonly fault: (error: Error) => void;
  /** A line of the log, for the report of a failure. */
  readonly log: (line: string) => void;
  /** The store has refused a write: the process is to end. */
  readonly failed: () => void;
}

/** A running process. */
export interface Service {
  readonly disks: Disks;
  readonly accounts: Accounts;
  /** Whether it has crashed or stopped. */
  isDead(): boolean;
  /** Resolves when it has crashed or stopped: its connections end. */
  readonly ended: Promise<void>;
  /** Ends it in this moment: nothing that it has not yet written, sent or asked for happens any more. */
  crash(): void;
  /** Ends it as SIGTERM does. */
  stop(): Promise<void>;
}

/** Only the levels that tell of trouble are kept. */
function logTo(write: (line: string) => void): Logger {
  const line =
    (level: string) =>
    (...parts: unknown[]): void =>
      write(
        [level, ...parts.map(part => (typeof part === 'string' ? part : JSON.stringify(part)))].join(' '),
      );
  const silent = (): void => {};
  return {
    debug: silent,
    info: silent,
    warn: line('warn'),
    error: line('error'),
    fatal: line('fatal'),
    isLevelEnabled: () => false,
  } as unknown as Logger;
}

/** The process could not start because it was ended meanwhile. */
export class Ended extends Error {
  override readonly name = 'Ended';
}

/**
 * Starts a process: loads the records and recovers. `born` is called as soon as it can be crashed, which is
 * before it has recovered.
 */
export async function startService(parts: ServiceParts, born: (service: Service) => void): Promise<Service> {
  const { chance, settings } = parts;
  let dead = false;
  const { opened: ended, open: tellEnd } = createLatch();
  const isDead = (): boolean => dead;
  const { store, ...database } = openSimulatedStore(parts.disk, chance, { isDead, onFailure: parts.failed });
  const { pool, ...volumes } = openSimulatedPool(parts.place, chance, isDead);
  const log = logTo(line => {
    if (!dead) parts.log(line);
  });
  const hypervisor = createHypervisor({
    nodes: settings.nodes,
    vmNames: ['{vm_id}', 'one-{vm_id}'],
    log,
    open: parts.open,
  });
  const accounts = await createAccounts(accountStore(store), {
    cost: COST,
    now: parts.time,
    newId: parts.newId,
  });
  const disks = await createDisks({
    store,
    pool,
    hypervisor,
    log,
    now: Date.now,
    time: parts.time,
    newUuid: parts.newUuid,
    newId: parts.newId,
    quotaOf: account => accounts.quotaOf(account) ?? UNLIMITED,
    accountNamed: accounts.named,
    stands: accounts.isCurrent,
    publish: events => {
      if (!dead) parts.publish(events);
    },
    fault: error => {
      if (!dead) parts.fault(error);
    },
    settings: {
      userLimit: settings.userLimit,
      vmAccess: settings.vmAccess,
      attachTimeoutMs: settings.timeoutMs,
      detachTimeoutMs: settings.timeoutMs,
      createTimeoutMs: settings.timeoutMs,
      deleteTimeoutMs: settings.timeoutMs,
      reconcileIntervalMs: 15_000,
    },
  });

  function end(): void {
    if (dead) return;
    dead = true;
    tellEnd();
    database.crash();
    volumes.crash();
    // What is left of it in memory stops, too; it can reach nothing any more.
    void disks.stop();
    void hypervisor.close();
  }

  const service: Service = {
    disks,
    accounts,
    isDead,
    ended,
    crash: end,
    async stop() {
      await disks.stop();
      await hypervisor.close();
      await store.close();
      dead = true;
      tellEnd();
    },
  };
  born(service);
  await Promise.race([disks.recover(), ended]);
  if (dead) throw new Ended();
  return service;
}
