import { attachmentMachine } from '../../../machines/attachment.ts';
import { diskMachine } from '../../../machines/disk.ts';
import type { Timeouts } from '../../../machines/stamp.ts';
import type { Caller } from '../../accounts/caller.ts';
import { attachmentProbes } from '../../charts/attachment-probes.ts';
import { diskProbes } from '../../charts/disk-probes.ts';
import { type EventFinding, explainEvents } from '../../charts/explain-event.ts';
import { type ErrorFacts, errorOf } from '../../errors.ts';
import { GIB } from '../../lib/gib.ts';
import type { StoredAttachment, StoredDisk } from '../records/records.ts';
import type { AttachmentPlace, ChartService, Explained } from '../service.ts';
import { takenTargets } from '../vms/vm-attachments.ts';
import type { Parts } from './parts.ts';
import { findDisk, viewOf } from './results.ts';
import { made, mayInspect, maySeeUsers, runsTheCloud } from './rights.ts';
import { usersInTheWay } from './users-in-the-way.ts';

/** Reads charts and records, and changes nothing. */
export function createChartService(
  parts: Pick<Parts, 'committed' | 'pool' | 'quotaOf' | 'now'> & {
    readonly timeouts: Timeouts;
    readonly time: () => number;
  },
): ChartService {
  const { committed, pool, quotaOf } = parts;
  const stampNow = () => ({ now: parts.now(), time: parts.time(), timeouts: parts.timeouts });

  /**
   * What the pool can still promise, in GiB. Unlimited if the pool does not answer: then a lack of space is
   * not the reason of a refusal.
   */
  async function roomGiB(): Promise<number> {
    const bytes = await pool.promisableBytes().catch(() => Number.POSITIVE_INFINITY);
    return Math.floor(bytes / GIB) - committed.promisedGiB();
  }

  function diskEvents(caller: Caller, disk: StoredDisk, room: number, whole: boolean): readonly Explained[] {
    const { context } = disk;
    const owned = committed.ownedBy(context.owner);
    const quota = quotaOf(context.owner);
    const probes = diskProbes({
      context,
      roomGiB: room,
      quotaLeft: { disks: quota.disks - owned.disks, sizeGiB: quota.sizeGiB - owned.sizeGiB },
      vms: new Map(committed.attachmentsFor(context.uuid).map(one => [one.context.id, one.context.vm])),
      wipe: pool.wipes,
      attaching: committed.attachmentsFor(context.uuid).some(({ state }) => state === 'attaching'),
      stamp: stampNow(),
    });
    const shown = probes.filter(({ vm }) => whole || vm === null);
    return explainEvents(diskMachine, disk, shown).map(finding =>
      explained(finding, {
        disk: context.uuid,
        node: finding.vm?.host ?? '',
        vm: finding.vm?.names[0] ?? '',
        ...usersInTheWay(committed, caller, disk, finding.code),
      }),
    );
  }

  function attachmentPlace(caller: Caller, attachment: StoredAttachment, whole: boolean): AttachmentPlace {
    const { context, state } = attachment;
    const { id, mode, since, deadline, node, vmId, target } = context;
    const known = whole || made(caller, attachment);
    const taken = takenTargets(committed, context.vm).filter(one => one !== target);
    const findings = explainEvents(
      attachmentMachine,
      attachment,
      attachmentProbes({ context, taken, stamp: stampNow() }),
    );
    const facts = known ? { disk: context.disk, node, vm: vmId } : { disk: context.disk };
    return {
      id,
      mode,
      since,
      state,
      deadline,
      events: findings.map(finding => explained(finding, facts)),
      record: known ? attachment : null,
      onVm: known ? { node, vmId, target } : null,
    };
  }

  return {
    async place(caller, uuid) {
      const room = await roomGiB();
      const disk = findDisk(committed, caller, uuid, mayInspect);
      const whole = maySeeUsers(caller, disk);
      return {
        disk: viewOf(disk.context),
        state: disk.state,
        deadline: disk.context.deadline,
        events: diskEvents(caller, disk, room, whole),
        record: whole ? disk : null,
        attachments: committed.attachmentsFor(uuid).map(one => attachmentPlace(caller, one, whole)),
      };
    },
    counts(caller) {
      if (runsTheCloud(caller)) {
        const { disks, attachments } = committed.counts();
        return { disk: new Map(disks), attachment: new Map(attachments) };
      }
      const mine = committed.inOrderFor(caller.account, undefined);
      const disks = [...mine].filter(disk => mayInspect(caller, disk));
      const attachments = disks.flatMap(({ context }) => committed.attachmentsFor(context.uuid));
      return { disk: countStates(disks), attachment: countStates(attachments) };
    },
  };
}

/** How many records are in each state. */
function countStates(records: Iterable<{ readonly state: string }>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { state } of records) counts.set(state, (counts.get(state) ?? 0) + 1);
  return counts;
}

const explained = (finding: EventFinding, facts: ErrorFacts): Explained => ({
  ...finding,
  message: finding.code && (errorOf(finding.code, facts).messages[0] ?? null),
});
