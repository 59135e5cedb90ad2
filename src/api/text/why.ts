import type { z } from 'zod';
import type { DiskWhy, ListedAttachment, NodeWhy, WhyWaiting } from '../../disks/service.ts';
import type { attachmentList, diskWhy, nodeWhy } from '../description/why-schema.ts';
import { attachmentKeys } from './details.ts';
import { instant } from './event-text.ts';

const instantOrNull = (time: number | null): string | null => (time === null ? null : instant(time));

const waitKeys = ({ for: whom, since, until }: Pick<WhyWaiting, 'for' | 'since' | 'until'>) => ({
  for: whom,
  since: instantOrNull(since),
  until: instantOrNull(until),
});

const wayKeys = ({ leadsTo, ...way }: DiskWhy['ways'][number]) => ({
  ...way,
  by: [...way.by],
  inputs: way.inputs && { ...way.inputs },
  leads_to: leadsTo,
});

/** The explanation of a disk. */
export const diskWhyKeys = (why: DiskWhy): z.infer<typeof diskWhy> => ({
  disk: why.uuid,
  state: why.state,
  waiting: why.waiting.map(one => ({
    attachment: one.attachment,
    ...waitKeys(one),
    next: [...one.next],
    afterwards: one.afterwards,
  })),
  attachments: why.attachments.map(one => ({ ...attachmentKeys(one), sentences: [...one.sentences] })),
  others: why.others,
  holders: why.holders && [...why.holders],
  ways: why.ways.map(wayKeys),
  sentences: [...why.sentences],
});

/** The explanation of a node. */
export function nodeWhyKeys(why: NodeWhy): z.infer<typeof nodeWhy> {
  const { node, names, reachable, since, operation, attachments, waiting, others, ways, sentences } = why;
  const dead = operation?.declaredDead;
  return {
    node,
    names: [...names],
    reachable,
    since: instantOrNull(since),
    error: operation?.error ?? null,
    alarm: operation?.alarm ?? null,
    declared_dead: dead ? { by: dead.by, reason: dead.reason, since: instant(dead.since) } : null,
    attachments,
    waiting: waiting.map(one => ({
      disk: one.disk,
      vm_id: one.attachment.onVm?.vmId ?? '',
      attachment: one.attachment.id,
      state: one.attachment.state,
      ...waitKeys(one.waiting),
    })),
    others,
    ways: ways.map(wayKeys),
    sentences: [...sentences],
  };
}

/** An attachment in the list of all. */
export const listedAttachmentKeys = ({
  disk,
  attachment,
  waiting,
}: ListedAttachment): z.infer<typeof attachmentList>[number] => ({
  disk,
  ...attachmentKeys(attachment),
  waiting: waiting && waitKeys(waiting),
});
