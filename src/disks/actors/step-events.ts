import type { AttachmentContext } from '../../../machines/attachment-parts.ts';
import type { DiskContext } from '../../../machines/disk-parts.ts';
import { diskKey, type Publish } from '../../../machines/notes.ts';
import type { EventRecord } from '../../store/records.ts';
import type { RecordIndex } from '../records/record-index.ts';
import type { Cause } from '../service.ts';
import { percentOf } from '../services/details.ts';
import { viewNow } from '../services/results.ts';
import type { Step } from './step.ts';

type Context = DiskContext | AttachmentContext;

/**
 * The events of one step, numbered from `after` + 1: what the charts published, and for an actor that changed
 * without a publication `disk.state-changed` or `disk.updated`, so that no record changes without an event.
 * To be called before the step's records replace those in `decided`.
 */
export function eventsOf(
  step: Step,
  decided: RecordIndex,
  time: number,
  after: number,
  cause: Cause,
): EventRecord[] {
  const { kind, request, account, accountId, reason } = cause;
  const why = { kind, request, account, accountId, reason };
  const events: EventRecord[] = [];
  for (const [key, context] of step.contexts) {
    const { subject, disk, attachment } = subjectOf(context, step, decided);
    const from = decided.get(key)?.state ?? null;
    const to = step.touched.get(key)?.state ?? endOf(context);
    const deadline = step.touched.get(key) ? context.deadline : null;
    const progress = isDisk(context) && context.wiped ? percentOf(context.wiped) : null;
    const published: readonly Publish[] = step.published.filter(note => note.key === key);
    const unsaid: Publish = { type: from === to ? 'disk.updated' : 'disk.state-changed' };
    for (const { type, problem } of published.length > 0 ? published : [unsaid]) {
      const sequence = after + events.length + 1;
      // Field by field: spreading an object here took a tenth of a creation's time.
      events.push({
        v: 1,
        sequence,
        time,
        type,
        subject,
        disk,
        attachment,
        from,
        to,
        deadline,
        problem: problem ?? undefined,
        progress,
        cause: why,
      });
    }
  }
  return events;
}

const isDisk = (context: Context): context is DiskContext => 'uuid' in context;

const endOf = (context: Context): string => (isDisk(context) ? 'deleted' : 'released');

function subjectOf(
  context: Context,
  step: Step,
  decided: RecordIndex,
): Pick<EventRecord, 'subject' | 'disk' | 'attachment'> {
  if (isDisk(context)) return { subject: context.uuid, disk: viewNow(context), attachment: null };
  const { id, disk: subject, vm, vmId, target, mode, by, byId } = context;
  const changed = step.contexts.get(diskKey(subject));
  const disk = changed && isDisk(changed) ? changed : decided.disk(subject)?.context;
  return {
    subject,
    disk: disk ? viewNow(disk) : null,
    attachment: { id, node: vm.host, vmId, target, mode, by, byId },
  };
}
