import type { KnownDifference } from '../../disks/drift/drift-watch.ts';
import { errorOf, isErrorCode } from '../../errors.ts';
import type { EventVisibility } from '../../events/visibility.ts';
import type { EventRecord } from '../../store/records.ts';
import type { EventMessage } from '../description/event-schema.ts';
import { diskKeys } from './representation.ts';

/** A time in milliseconds since 1970 in RFC 3339, in UTC. */
export const instant = (milliseconds: number): string => new Date(milliseconds).toISOString();

function reasonOf({ subject, attachment, problem }: EventRecord): EventMessage['data']['reason'] {
  if (!problem || !isErrorCode(problem.code)) return null;
  const facts = { disk: subject, node: attachment?.node ?? '', vm: attachment?.vmId ?? '' };
  const { code, messages } = errorOf(problem.code, { ...facts, detail: problem.detail });
  return { code, message: messages.join('; ') };
}

/** An event as a CloudEvent. `whole`: with its VM, its accounts, its cause and the reason of a failure. */
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

// Caches of the JSON of events: one event is sent to many subscribers.
const wholes = new WeakMap<EventRecord, Buffer>();
const outsides = new WeakMap<EventRecord, Buffer>();

/** An event as JSON in UTF-8, for subscribers who see that much of it. */
export function eventText(event: EventRecord, visibility: Exclude<EventVisibility, 'nothing'>): Buffer {
  const texts = visibility === 'whole' ? wholes : outsides;
  const known = texts.get(event);
  if (known) return known;
  const text = Buffer.from(JSON.stringify(eventMessage(event, visibility === 'whole')));
  texts.set(event, text);
  return text;
}

/** A row of `GET /api/drift`, also in control messages of the stream. */
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
