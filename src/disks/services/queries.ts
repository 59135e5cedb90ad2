import type { Caller } from '../../accounts/caller.ts';
import { GIB } from '../../lib/gib.ts';
import { isHeld, type StoredDisk } from '../records/records.ts';
import type { Choice, DiskService } from '../service.ts';
import { detailsOf, versionOf, waitingOf } from './details.ts';
import type { Parts } from './parts.ts';
import { findDisk, viewOf } from './results.ts';
import { mayFind, mayInspect, maySee, maySeeUse, runsTheCloud } from './rights.ts';

const isChosen = ({ state, context }: StoredDisk, choice: Choice): boolean =>
  (choice.tag ?? context.tag) === context.tag &&
  (choice.owner ?? context.owner) === context.owner &&
  (choice.state ?? state) === state &&
  (choice.visibility ?? context.visibility) === context.visibility;

/** Reading disks. Readers see committed records only. */
export function queries({
  committed,
  decided,
  pool,
  hypervisor,
}: Parts): Pick<
  DiskService,
  'list' | 'blocks' | 'get' | 'listDetails' | 'getDetails' | 'version' | 'onVm' | 'space'
> {
  const isWaitingFor = (disk: StoredDisk, whom: Choice['waiting']): boolean =>
    whom === undefined || waitingOf(committed, disk).some(one => one.for === whom);

  function choose<View>(
    caller: Caller,
    choice: Choice,
    may: typeof maySee,
    view: (disk: StoredDisk) => View,
  ): View[] {
    const { after, most = Number.POSITIVE_INFINITY } = choice;
    const all = runsTheCloud(caller) ? committed.inOrder(after) : committed.inOrderFor(caller.account, after);
    const views: View[] = [];
    for (const disk of all) {
      if (views.length >= most) break;
      if (isChosen(disk, choice) && isWaitingFor(disk, choice.waiting) && may(caller, disk))
        views.push(view(disk));
    }
    return views;
  }

  const details = (caller: Caller, disk: StoredDisk) =>
    detailsOf(committed, disk, attachment => maySeeUse(caller, disk, attachment));

  return {
    list: (caller, choice = {}) => choose(caller, choice, mayFind, disk => viewOf(disk.context)),
    blocks: caller => (runsTheCloud(caller) ? committed.blocks() : undefined),
    get: (caller, uuid) => viewOf(findDisk(committed, caller, uuid).context),
    listDetails: (caller, choice = {}) => choose(caller, choice, mayInspect, disk => details(caller, disk)),
    getDetails: (caller, uuid) => details(caller, findDisk(committed, caller, uuid, mayInspect)),
    version: (caller, uuid) => versionOf(committed, findDisk(committed, caller, uuid, mayInspect)),
    onVm(caller, { node, vmId }) {
      const held = committed.attachmentsOf(hypervisor.vm(node, vmId)).filter(isHeld);
      return held.flatMap(({ context: { id, disk: uuid } }) => {
        const disk = committed.disk(uuid);
        if (!disk || !maySee(caller, disk)) return [];
        const attachment = details(caller, disk).attachments.find(one => one.id === id);
        return attachment ? { disk: uuid, attachment } : [];
      });
    },
    async space() {
      const capacityGiB = Math.floor((await pool.promisableBytes()) / GIB);
      const allocatedGiB = decided.promisedGiB();
      return { capacityGiB, allocatedGiB, freeGiB: Math.max(0, capacityGiB - allocatedGiB) };
    },
  };
}
