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

/** What an administrator says of a volume that becomes a disk. */
interface Adoption {
  readonly owner: string;
  readonly tag: string;
  readonly visibility: 'private' | 'public';
}

/** An account by its name, with the id that tells it from others that had the name before. */
export interface NamedAccount {
  readonly name: string;
  readonly id?: string | undefined;
}

/** A volume that belongs to no disk, with the live domains that have it. */
export interface LeftoverView extends Leftover {
  readonly holders: readonly Holder[];
}

/** What may be asked about volumes that belong to no disk. */
export interface LeftoverService {
  /** As they are now. For administrators and the frontend. Rejects with FORBIDDEN, POOL_UNAVAILABLE. */
  list(caller: Caller): Promise<readonly LeftoverView[]>;
  /**
   * Makes one the disk of an account, also beyond its quota, which `overQuota` tells. For administrators. Rejects with FORBIDDEN,
   * LEFTOVER_UNKNOWN, LEFTOVER_UNUSABLE, ACCOUNT_UNKNOWN, POOL_UNAVAILABLE.
   */
  adopt(
    caller: Caller,
    uuid: string,
    adoption: Adoption,
    cause: Cause,
  ): Promise<{ readonly overQuota: boolean }>;
  /**
   * Removes one, wiped as a deleted disk is. For administrators. Rejects with FORBIDDEN, LEFTOVER_UNKNOWN, LEFTOVER_UNUSABLE, DISK_IN_USE,
   * NODES_SILENT, POOL_UNAVAILABLE, REMOVE_FAILED, REMOVE_TIMEOUT.
   */
  remove(caller: Caller, uuid: string, cause: Cause): Promise<void>;
  /** Whether the disks of an account are more than its quota allows. */
  isOverQuota(account: string): boolean;
}

type LeftoverParts = Pick<Parts, 'system' | 'decided' | 'now' | 'questionMs' | 'userLimit' | 'quotaOf'> & {
  readonly pool: Pick<Pool, 'wipes'>;
  readonly hypervisor: Pick<Hypervisor, 'hostOf'>;
  readonly volumes: Volumes;
  readonly holders: Holders;
  readonly hosts: Pick<Hosts, 'candidates'>;
  /** Looks at all machines of a node; never rejects. */
  readonly lookAt: (node: string) => Promise<void>;
  readonly time: () => number;
  /** The account that has this name now, undefined where none has. */
  readonly accountNamed: (name: string) => NamedAccount | undefined;
};

/** In whole GiB, none of its bytes left out. */
const sizeOf = ({ bytes }: Leftover): number => Math.max(1, Math.ceil(bytes / GIB));

const isHeldBy = ({ domain, host, target }: Holder): string =>
  `domain '${domain.name}' on node '${host}' has it as ${target}`;

export function createLeftoverService(parts: LeftoverParts): LeftoverService {
  const { system, decided, pool, hypervisor, volumes, holders, hosts, lookAt, now, questionMs, quotaOf } =
    parts;
  const takeTurn = keyedMutex();

  function demandAdministrator({ role }: Caller): void {
    if (role !== 'admin')
      throw errorOf('FORBIDDEN', { detail: 'only an administrator decides about leftovers' });
  }

  /**
   * One at a time for each volume: what is decided about it must not rest on a list from before another decision. One that had a record
   * when the list was made may be gone by now.
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

  /** Looks at every node that could have a machine; which of them do not tell what their domains have, and why. */
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
