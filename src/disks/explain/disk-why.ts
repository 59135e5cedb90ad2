import { attachmentMachine } from '../../../machines/attachment.ts';
import { diskMachine } from '../../../machines/disk.ts';
import { attachmentKey, diskKey } from '../../../machines/notes.ts';
import type { Timeouts } from '../../../machines/stamp.ts';
import type { Caller } from '../../accounts/caller.ts';
import { attachmentProbes } from '../../charts/attachment-probes.ts';
import { diskProbes } from '../../charts/disk-probes.ts';
import { explainEvents } from '../../charts/explain-event.ts';
import { partyOf } from '../../charts/parties.ts';
import type { RecordIndex } from '../records/record-index.ts';
import { isHeld, type StoredAttachment, type StoredDisk } from '../records/records.ts';
import type { DiskWhy, ExplainService, Way, WhyAttachment, WhyWaiting } from '../service.ts';
import { attachmentDetails } from '../services/details.ts';
import { findDisk } from '../services/results.ts';
import { mayDelete, mayInspect, maySeeUse, maySeeUsers, runsTheCloud } from '../services/rights.ts';
import type { Holder, Holders } from '../vms/holders.ts';
import { accountingFor } from '../vms/vm-attachments.ts';
import {
  attachmentDoes,
  attachmentHears,
  attachmentThen,
  lastSeenSays,
  partyIs,
} from './attachment-phrases.ts';
import { diskDoes, diskHears, diskThen } from './disk-phrases.ts';
import { type NodeBook, nodeSentences } from './node-facts.ts';
import { timeText } from './times.ts';
import { waitOf, waitSentences } from './waiting.ts';
import { waySentence, whomToAsk } from './way-sentence.ts';
import type { Ways } from './ways.ts';

/** How many attachments of a disk are explained. */
const MAX_ATTACHMENTS = 100;

const diskPhrases = { hears: diskHears, ends: diskThen };
const attachmentPhrases = { hears: attachmentHears, ends: attachmentThen };

/** What the explanation of a disk needs. */
export interface DiskWhyParts {
  readonly committed: RecordIndex;
  readonly waitSince: (key: string) => number | undefined;
  readonly holders: Pick<Holders, 'of'>;
  readonly nodes: NodeBook;
  readonly ways: Ways;
  readonly now: () => number;
  readonly time: () => number;
  readonly timeouts: Timeouts;
}

/** Explains one disk with its attachments. Reads only; nothing is asked of a node or the pool. */
export function explainDisks(parts: DiskWhyParts): ExplainService['disk'] {
  const { committed, holders, nodes, ways } = parts;
  const stamp = () => ({ now: parts.now(), time: parts.time(), timeouts: parts.timeouts });

  /** The events that the disk could get, where neither room nor quota forbids one. */
  const probesOf = ({ context }: StoredDisk) =>
    diskProbes({
      context,
      roomGiB: Number.POSITIVE_INFINITY,
      quotaLeft: { disks: Number.POSITIVE_INFINITY, sizeGiB: Number.POSITIVE_INFINITY },
      wipe: false,
      vms: new Map(committed.attachmentsFor(context.uuid).map(one => [one.context.id, one.context.vm])),
      attaching: false,
      stamp: stamp(),
    });

  const sinceOf = (key: string): number | null => parts.waitSince(key) ?? null;

  function diskWait(disk: StoredDisk): WhyWaiting | undefined {
    if (disk.context.deadline === null) return undefined;
    const wait = { for: 'pool', attachment: null, since: sinceOf(diskKey(disk.context.uuid)) } as const;
    return waitOf(diskMachine, disk, probesOf(disk), diskPhrases, wait);
  }

  function attachmentWait(one: StoredAttachment): WhyWaiting | undefined {
    const party = partyOf(one);
    if (party === null) return undefined;
    const { id, doubt } = one.context;
    const since = party === 'person' ? (doubt?.since ?? null) : sinceOf(attachmentKey(id));
    const probes = attachmentProbes({ context: one.context, taken: [], stamp: stamp() });
    return waitOf(attachmentMachine, one, probes, attachmentPhrases, { for: party, attachment: id, since });
  }

  /** What ends a wait of the disk itself: a request that leads to another state. */
  function diskWays(caller: Caller, disk: StoredDisk): Way[] {
    if (disk.context.deadline === null) return [];
    const allowed = mayDelete(caller, disk);
    const by = ['owner', 'admin'] as const;
    return explainEvents(diskMachine, disk, probesOf(disk)).flatMap(({ request, outcome, to }): Way[] => {
      if (request === null || outcome !== 'taken' || to === null || to === disk.state) return [];
      const effect = diskThen[to as keyof typeof diskThen];
      const who = allowed ? null : whomToAsk(by, { owner: disk.context.owner, by: null });
      return [
        {
          attachment: null,
          request: allowed ? request : null,
          inputs: allowed ? {} : null,
          by,
          allowed,
          when: null,
          frees: false,
          leadsTo: to,
          sentence: waySentence({ request, inputs: {}, when: null, who, effect }),
        },
      ];
    });
  }

  function attachmentSentences(
    caller: Caller,
    disk: StoredDisk,
    one: StoredAttachment,
    wait: WhyWaiting | undefined,
  ): string[] {
    const { context, state } = one;
    const { node, vmId, vm, seen, doubt, diverted, atWork, deadline } = context;
    const shown = maySeeUse(caller, disk, one);
    const does = attachmentDoes[state];
    if (!shown) return [begun(does(context, 'a VM of another account')), ...waitsOn(wait)];
    const held = holders.of(context.disk).filter(({ domain }) => domain.uuid === vm.domain);
    return [
      begun(does(context, `VM '${vmId}' on node '${node}'`)),
      ...held.map(seenIn),
      ...[lastSeenSays[seen] ?? []].flat(),
      ...(doubt === null
        ? []
        : [`It is not known whether the VM is gone, since ${timeText(doubt.since)}: ${doubt.detail}.`]),
      ...(diverted === null
        ? []
        : [`The VM writes to ${runsTheCloud(caller) ? diverted : 'another path'} instead of the volume.`]),
      ...(atWork === null || state === 'attaching'
        ? []
        : [`libvirt on node '${atWork.host}' has not answered for its plug, and may still carry it out.`]),
      ...waitsOn(wait),
      ...(wait === undefined && deadline !== null ? [`That ends at ${timeText(deadline)}.`] : []),
      ...(nodes.of(vm.node).reachable ? [] : nodeSentences(nodes.of(vm.node), runsTheCloud(caller))),
    ];
  }

  /** Live domains that have the disk although no attachment accounts for them. */
  const strayDomains = (uuid: string): readonly Holder[] =>
    holders.of(uuid).filter(({ domain }) => accountingFor(committed, uuid, domain).length === 0);

  return (caller, uuid): DiskWhy => {
    const disk = findDisk(committed, caller, uuid, mayInspect);
    const { context, state } = disk;
    const all = committed.attachmentsFor(uuid);
    const shown = all.slice(0, MAX_ATTACHMENTS);
    const whole = maySeeUsers(caller, disk);
    const own = diskWait(disk);
    const waits = new Map(shown.map(one => [one.context.id, attachmentWait(one)]));
    const attachments = shown.map(
      (one): WhyAttachment => ({
        ...attachmentDetails(one, maySeeUse(caller, disk, one)),
        sentences: attachmentSentences(caller, disk, one, waits.get(one.context.id)),
      }),
    );
    const open = [
      ...diskWays(caller, disk),
      ...shown.filter(isHeld).flatMap(one => ways.of(caller, disk, one)),
    ];
    const strays = whole ? strayDomains(uuid) : [];
    const others = all.length - shown.length;
    const failures =
      context.failures > 0 ? [`The last ${context.failures} requests in a row have failed.`] : [];
    return {
      uuid,
      state,
      waiting: [...(own ? [own] : []), ...[...waits.values()].flatMap(wait => wait ?? [])],
      attachments,
      others,
      holders: whole
        ? holders
            .of(uuid)
            .map(({ host, domain, target }) => ({ node: host, vm: domain.name, domain: domain.uuid, target }))
        : null,
      ways: open,
      sentences: [
        `The disk ${diskDoes[state](context)}.`,
        ...(own ? [...failures, ...waitSentences(own, partyIs.pool)] : []),
        ...attachments.flatMap(one => one.sentences),
        ...strays.map(one => `${seenIn(one)} No record accounts for that.`),
        ...(others > 0 ? [`${others} more attachments are not explained here.`] : []),
        ...new Set(open.map(({ sentence }) => sentence)),
      ],
    };
  };
}

/** A sentence with a capital letter at its beginning. */
const begun = (sentence: string): string => sentence.charAt(0).toUpperCase() + sentence.slice(1);

const waitsOn = (wait: WhyWaiting | undefined): string[] =>
  wait === undefined ? [] : waitSentences(wait, partyIs[wait.for]);

const seenIn = ({ host, domain, target }: Holder): string =>
  `The last look at node '${host}' showed it in domain '${domain.name}' as ${target}.`;
