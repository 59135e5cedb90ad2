import { diskKey } from '../../../machines/notes.ts';
import type { Caller } from '../../accounts/caller.ts';
import { errorOf } from '../../errors.ts';
import { GIB } from '../../lib/gib.ts';
import type { Cause, DiskService } from '../service.ts';
import { versionOf } from './details.ts';
import type { Parts } from './parts.ts';
import { expectDone, findDisk } from './results.ts';
import { mayDelete, maySetLimit } from './rights.ts';
import { usersInTheWay } from './users-in-the-way.ts';

const share = (taken: number, most: number, unit: string): string =>
  Number.isFinite(most) ? `${taken} of ${most} ${unit}` : `${taken} ${unit}`;

/**
 * Whether the request has an Idempotency-Key: its decision is then stored for a repetition of the request.
 */
const isRepeatable = ({ alsoWrite }: Cause): boolean => alsoWrite !== undefined;

/** Creating, changing and deleting disks. */
export function lifecycle(
  parts: Parts,
): Pick<DiskService, 'create' | 'edit' | 'resize' | 'delete' | 'setLimit' | 'retry' | 'ownedBy' | 'quotaOf'> {
  const { system, decided, committed, pool, strays, newUuid, userLimit, quotaOf } = parts;

  /**
   * Checks that the caller may change this disk. A failed disk is in no list, but its owner may retry or
   * delete it. Throws DISK_UNKNOWN, FORBIDDEN.
   */
  function deletable(caller: Caller, uuid: string): void {
    const disk = committed.disk(uuid);
    if (disk?.state === 'failed' && mayDelete(caller, disk)) return;
    if (!mayDelete(caller, findDisk(committed, caller, uuid))) {
      throw errorOf('FORBIDDEN', { detail: `disk ${uuid} belongs to somebody else` });
    }
  }

  /**
   * Whether a disk has none of these versions any more. The decided record counts, because the decision
   * builds on it.
   */
  function isStale(uuid: string, versions: readonly string[] | undefined): boolean {
    const disk = decided.disk(uuid);
    return versions !== undefined && disk !== undefined && !versions.includes(versionOf(decided, disk));
  }

  return {
    async create(caller, disk, cause) {
      const promisableGiB = Math.floor((await pool.promisableBytes()) / GIB);
      if (!parts.stands(caller)) throw errorOf('UNAUTHENTICATED');
      const uuid = newUuid();
      const roomGiB = promisableGiB - decided.promisedGiB();
      const owned = decided.ownedBy(caller.account);
      const quota = quotaOf(caller.account);
      const quotaLeft = { disks: quota.disks - owned.disks, sizeGiB: quota.sizeGiB - owned.sizeGiB };
      const birth = {
        uuid,
        owner: caller.account,
        ownerId: caller.id,
        ...disk,
        limit: userLimit,
        roomGiB,
        quotaLeft,
      };
      const outcome = await system.deliver(
        [{ to: diskKey(uuid), event: { type: 'CREATE', ...birth, repeatable: isRepeatable(cause) } }],
        cause,
        diskKey(uuid),
      );
      if (outcome.refused?.code === 'QUOTA_EXCEEDED') {
        const taken = [share(owned.disks, quota.disks, 'disks'), share(owned.sizeGiB, quota.sizeGiB, 'GiB')];
        throw errorOf('QUOTA_EXCEEDED', {
          detail: `${taken.join(' and ')} taken, ${disk.sizeGiB} GiB asked for`,
        });
      }
      const detail = `${disk.sizeGiB} GiB asked for, ${Math.max(0, roomGiB)} of ${promisableGiB} GiB left`;
      if (outcome.refused?.code === 'NO_SPACE') throw errorOf('NO_SPACE', { detail });
      expectDone(outcome, { disk: uuid });
      return { uuid };
    },
    async resize(caller, uuid, sizeGiB, cause) {
      await pool.check();
      const promisableGiB = Math.floor((await pool.promisableBytes()) / GIB);
      deletable(caller, uuid);
      const { owner, sizeGiB: before } = findDisk(committed, caller, uuid).context;
      const roomGiB = promisableGiB - decided.promisedGiB();
      const quotaGiB = quotaOf(owner).sizeGiB - decided.ownedBy(owner).sizeGiB;
      const users = decided.disk(uuid)?.context.users ?? [];
      const attaching = users.some(user => decided.attachment(user.attachment)?.state === 'attaching');
      const key = diskKey(uuid);
      const event = { type: 'RESIZE' as const, sizeGiB, roomGiB, quotaGiB, attaching };
      const outcome = await system.deliver([{ to: key, event }], cause, key);
      const details = {
        NOT_LARGER: `it has ${before} GiB, ${sizeGiB} GiB asked for`,
        NO_SPACE: `${sizeGiB - before} GiB more asked for, ${Math.max(0, roomGiB)} of ${promisableGiB} GiB left`,
        QUOTA_EXCEEDED: `${sizeGiB - before} GiB more asked for, ${Math.max(0, quotaGiB)} GiB left`,
      };
      const code = outcome.refused?.code;
      if (code && code in details) {
        throw errorOf(code, { disk: uuid, detail: details[code as keyof typeof details] });
      }
      expectDone(outcome, { disk: uuid });
    },
    async edit(caller, uuid, change, cause, versions) {
      const disk = findDisk(committed, caller, uuid);
      if (!mayDelete(caller, disk)) {
        throw errorOf('FORBIDDEN', { detail: `disk ${uuid} belongs to somebody else` });
      }
      const event = { type: 'EDIT' as const, ...change, stale: isStale(uuid, versions) };
      expectDone(await system.deliver([{ to: diskKey(uuid), event }], cause), { disk: uuid });
    },
    async delete(caller, uuid, cause, versions) {
      // A volume that is wiped first is removed later, so the pool need not work now.
      if (!pool.wipes) await pool.check();
      deletable(caller, uuid);
      const holder = await strays.holderOf(uuid);
      deletable(caller, uuid);
      const key = diskKey(uuid);
      const event = { type: 'DELETE' as const, wipe: pool.wipes, stale: isStale(uuid, versions), holder };
      const outcome = await system.deliver([{ to: key, event }], cause, key);
      expectDone(outcome, {
        disk: uuid,
        ...usersInTheWay(decided, caller, decided.disk(uuid), outcome.refused?.code),
      });
    },
    async setLimit(caller, uuid, limit, cause) {
      findDisk(committed, caller, uuid);
      if (!maySetLimit(caller)) {
        throw errorOf('FORBIDDEN', { detail: 'only an administrator may change the limit of a disk' });
      }
      const event = { type: 'SET_LIMIT' as const, limit };
      const outcome = await system.deliver([{ to: diskKey(uuid), event }], cause);
      expectDone(outcome, {
        disk: uuid,
        ...usersInTheWay(decided, caller, decided.disk(uuid), outcome.refused?.code),
      });
    },
    async retry(caller, uuid, cause) {
      deletable(caller, uuid);
      const key = diskKey(uuid);
      const event = { type: 'RETRY' as const, repeatable: isRepeatable(cause) };
      expectDone(await system.deliver([{ to: key, event }], cause, key), { disk: uuid });
    },
    ownedBy: account => decided.ownedBy(account),
    quotaOf,
  };
}
