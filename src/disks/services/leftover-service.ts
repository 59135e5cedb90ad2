import { diskKey } from '../../../machines/notes.ts';
import type { Caller } from '../../accounts/caller.ts';
import { errorOf } from '../../errors.ts';
import type { Hypervisor } from '../../hypervisor/hypervisor.ts';
import { GIB } from '../../lib/gib.ts';
import { keyedMutex } from '../../lib/keyed-mutex.ts';
import type { Pool } from '../../storage/pool.ts';
import type { Leftover, Volumes } from '../drift/volumes.ts';
import type { Cause } from '../service.ts';
import type { Holder, Holders } from '../vms/holders.ts';
import type { Hosts } from '../vms/hosts.ts';
import type { Parts } from './parts.ts';
import { expectDone } from './results.ts';
import { runsTheCloud } from './rights.ts';

/** What an administrator chooses for a leftover that becomes a disk. */
interface Adoption {
  readonly owner: string;
  readonly tag: string;
  readonly visibility: 'private' | 'public';
}

/** An account: its name, and the id that distinguishes it from earlier accounts with that name. */
export interface NamedAccount {
  readonly name: string;
  readonly id?: string | undefined;
}

/** A leftover, with the live domains that have it. */
export interface LeftoverView extends Leftover {
  readonly holders: readonly Holder[];
}

/**
 * The operations on leftovers, for the API. Those with a `cause` may also reject with STORE_FAILED, STOPPING
 * and INTERRUPTED.
 */
export interface LeftoverService {
  /**
   * The leftovers as they are now. For administrators and the frontend. Rejects with FORBIDDEN,
   * POOL_UNAVAILABLE.
   */
  list(caller: Caller): Promise<readonly LeftoverView[]>;
  /**
   * Turns a leftover into a disk of an account, also beyond its quota; `overQuota` says whether it is. For
   * administrators. Rejects with FORBIDDEN, LEFTOVER_UNKNOWN, LEFTOVER_UNUSABLE, ACCOUNT_UNKNOWN, DISK_BUSY,
   * POOL_UNAVAILABLE.
   */
  adopt(
    caller: Caller,
    uuid: string,
    adoption: Adoption,
    cause: Cause,
  ): Promise<{ readonly overQuota: boolean }>;
  /**
   * Removes a leftover, and wipes it as a deleted disk. For administrators. Rejects with FORBIDDEN,
   * LEFTOVER_UNKNOWN, LEFTOVER_UNUSABLE, DISK_IN_USE, DISK_BUSY, NODES_SILENT, POOL_UNAVAILABLE,
   * REMOVE_FAILED, REMOVE_TIMEOUT.
   */
  remove(caller: Caller, uuid: string, cause: Cause): Promise<void>;
  /** Whether an account's disks exceed its quota. Throws nothing. */
  isOverQuota(account: string): boolean;
}

type LeftoverParts = Pick<Parts, 'system' | 'decided' | 'now' | 'questionMs' | 'userLimit' | 'quotaOf'> & {
  readonly pool: Pick<Pool, 'wipes'>;
  readonly hypervisor: Pick<Hypervisor, 'hostOf'>;
  readonly volumes: Volumes;
  readonly holders: Holders;
  readonly hosts: Pick<Hosts, 'candidates'>;
  /** Inspects all VMs of a node. Never rejects. */
  readonly lookAt: (node: string) => Promise<void>;
  readonly time: () => number;
  /** The account with this name, undefined if there is none. */
  readonly accountNamed: (name: string) => NamedAccount | undefined;
};

/** The size in GiB, rounded up. */
const sizeOf = ({ bytes }: Leftover): number => Math.max(1, Math.ceil(bytes / GIB));

const isHeldBy = ({ domain, host, target }: Holder): string =>
  `domain '${domain.name}' on node '${host}' has it as ${target}`;

/** The operations on leftovers. See `LeftoverService` for their errors. */
export function createLeftoverService(parts: LeftoverParts): LeftoverService {
  const { system, decided, pool, hypervisor, volumes, holders, hosts, lookAt, now, questionMs, quotaOf } =
    parts;
  const takeTurn = keyedMutex();

  function demandAdministrator({ role }: Caller): void {
    if (role !== 'admin')
      throw errorOf('FORBIDDEN', { detail: 'only an administrator decides about leftovers' });
  }

  /**
   * Serialises decisions by volume, because a decision must not rest on a list from before another decision.
   * A volume that had a record when the list was made may have lost it by now.
   */
  async function decide<T>(uuid: string, act: (leftover: Leftover) => Promise<T>): Promise<T> {
    const endTurn = await takeTurn(uuid, AbortSignal.timeout(questionMs)).catch(() => {
      throw errorOf('DISK_BUSY', { disk: uuid });
    });
    try {
      if (decided.disk(uuid)) throw errorOf('LEFTOVER_UNKNOWN', { disk: uuid });
      const leftover = (await volumes.look()).leftovers.get(uuid);
      if (!leftover || decided.disk(uuid)) throw errorOf('LEFTOVER_UNKNOWN', { disk: uuid });
      return await act(leftover);
    } finally {
      endTurn();
    }
  }

  /**
   * Inspects every node that could run a VM; returns a sentence for each node that does not report its
   * domains' disks.
   */
  async function unseenNodes(): Promise<string[]> {
    const nodes = hosts.candidates();
    await Promise.all(nodes.map(lookAt));
    const unseen = holders.unseen();
    return nodes.flatMap(node => {
      const why = unseen.get(node);
      return why === undefined ? [] : [`node '${hypervisor.hostOf(node)}' does not tell (${why})`];
    });
  }

  function isOverQuota(account: string): boolean {
    const [has, may] = [decided.ownedBy(account), quotaOf(account)];
    return has.disks > may.disks || has.sizeGiB > may.sizeGiB;
  }

  return {
    async list(caller) {
      if (!runsTheCloud(caller)) throw errorOf('FORBIDDEN', { detail: "leftovers may hold anybody's data" });
      await Promise.all([volumes.look(), holders.ready(now() + questionMs)]);
      const { leftovers } = volumes.last();
      return [...leftovers.values()].map(leftover => ({ ...leftover, holders: holders.of(leftover.uuid) }));
    },

    async adopt(caller, uuid, { owner, tag, visibility }, cause) {
      demandAdministrator(caller);
      return decide(uuid, async leftover => {
        const account = parts.accountNamed(owner);
        if (!account) throw errorOf('ACCOUNT_UNKNOWN', { detail: owner });
        const { createdMs = parts.time() } = leftover;
        const obstacle = leftover.obstacle ?? (leftover.bytes === 0 ? 'has no bytes' : null);
        const whose = { owner, ownerId: account.id, tag, visibility };
        const birth = { uuid, ...whose, sizeGiB: sizeOf(leftover), limit: parts.userLimit };
        const event = { type: 'ADOPT' as const, ...birth, created: createdMs, obstacle };
        const outcome = await system.deliver([{ to: diskKey(uuid), event }], cause);
        expectDone(outcome, { disk: uuid, ...(obstacle === null ? {} : { detail: obstacle }) });
        return { overQuota: isOverQuota(owner) };
      });
    },

    async remove(caller, uuid, cause) {
      demandAdministrator(caller);
      await decide(uuid, async leftover => {
        const { obstacle = null } = leftover;
        const unseen = await unseenNodes();
        const facts = { holders: holders.of(uuid).map(isHeldBy), unseen, obstacle };
        const volume = { uuid, sizeGiB: sizeOf(leftover), wipe: pool.wipes };
        const key = diskKey(uuid);
        const outcome = await system.deliver(
          [{ to: key, event: { type: 'DISCARD', ...volume, ...facts } }],
          cause,
          key,
        );
        const details: Partial<Record<string, string | null>> = {
          LEFTOVER_UNUSABLE: obstacle,
          DISK_IN_USE: facts.holders.join(', '),
          NODES_SILENT: facts.unseen.join(', '),
        };
        const detail = details[outcome.refused?.code ?? ''];
        expectDone(outcome, { disk: uuid, ...(detail ? { detail } : {}) });
      });
    },

    isOverQuota,
  };
}
