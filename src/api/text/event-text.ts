import type { KnownDifference } from '../../disks/drift/drift-watch.ts';
import { errorOf, isErrorCode } from '../../errors.ts';
import type { EventVisibility } from '../../events/visibility.ts';
import type { EventRecord } from '../../store/records.ts';
import type { EventMessage } from '../description/event-schema.ts';
import { diskKeys } from './representation.ts';

/** RFC 3339, in UTC. */
export const instant = (milliseconds: number): string => new Date(milliseconds).toISOString();

function reasonOf({ subject, attachment, problem }: EventRecord): EventMessage['data']['reason'] {
  if (!problem || !isErrorCode(problem.code)) return null;
  const facts = { disk: subject, node: attachment?.node ?? '', vm: attachment?.vmId ?? '' };
  const { code, messages } = errorOf(problem.code, { ...facts, detail: problem.detail });
  return { code, message: messages.join('; ') };
}

/** An event as it is told; `whole`: with its machine and accounts. */
export function eventMessage(event: EventRecord, whole: boolean): EventMessage {
  const { attachment, cause, disk, deadline } = event;
  return {
    specversion: '1.0',
    id: String(event.sequence),
    source: '/api/disks',
    type: event.type,
    subject: event.subject,
    time: instant(event.time),
    sequence: event.sequence,
    datacontenttype: 'application/json',
    data: {
      disk: disk && diskKeys(disk),
      attachment: attachment && {
        id: attachment.id,
        mode: attachment.mode,
        node: whole ? attachment.node : null,
        vm_id: whole ? attachment.vmId : null,
        target: whole ? attachment.target : null,
      },
      from: event.from,
      to: event.to,
      cause: whole
        ? { kind: cause.kind, request: cause.request, account: cause.account, reason: cause.reason }
        : { kind: cause.kind },
      reason: whole ? reasonOf(event) : null,
      progress: event.progress,
      deadline: deadline === null ? null : instant(deadline),
    },
  };
}

// An event in memory goes to many: its text is made once.
const wholes = new WeakMap<EventRecord, Buffer>();
const outsides = new WeakMap<EventRecord, Buffer>();

/** An event as JSON in UTF-8, as it is shown to those who see it so. */
export function eventText(event: EventRecord, sight: Exclude<EventVisibility, 'nothing'>): Buffer {
  const texts = sight === 'whole' ? wholes : outsides;
  const known = texts.get(event);
  if (known) return known;
  const text = Buffer.from(JSON.stringify(eventMessage(event, sight === 'whole')));
  texts.set(event, text);
  return text;
}

/** A difference between records, pool and domains as it is told. */
export const differenceKeys = ({ since, ...difference }: KnownDifference) => ({
  kind: difference.kind,
  disk: difference.disk,
  node: difference.node,
  vm: difference.vm,
  domain: difference.domain,
  since: instant(since),
  detail: difference.detail,
  repair: difference.repair,
});
