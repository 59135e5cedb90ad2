import type { AttachmentContext } from '../../machines/attachment-parts.ts';
import type { DiskContext } from '../../machines/disk-parts.ts';
import type { ChangeType } from '../../machines/notes.ts';
import type { EventRecord } from '../store/records.ts';
import type { Cause } from './service.ts';
import type { Shelf } from './shelf.ts';
import type { Step } from './step.ts';

/**
 * The events of one step, numbered from `after` + 1: what the charts published, and `disk.state-changed` for an actor that
 * changed its state and said nothing. To be called before the step's records replace the ones in `decided`.
 */
export function changesOf(
  step: Step,
  decided: Shelf,
  time: number,
  after: number,
  cause: Cause,
): EventRecord[] {
  const events: EventRecord[] = [];
  for (const [key, context] of step.contexts) {
    const from = decided.get(key)?.state ?? null;
    const to = step.touched.get(key)?.state ?? endOf(context);
    const published = step.published.filter(note => note.key === key).map(note => note.type);
    const types: ChangeType[] = published.length > 0 || from === to ? published : ['disk.state-changed'];
    for (const type of types) {
      const sequence = after + events.length + 1;
      events.push({ v: 1, sequence, time, type, ...subject(context), from, to, cause: { ...cause } });
    }
  }
  return events;
}

const endOf = (context: DiskContext | AttachmentContext): string =>
  'uuid' in context ? 'deleted' : 'released';

const subject = (context: DiskContext | AttachmentContext): { disk: string; attachment: string | null } =>
  'uuid' in context
    ? { disk: context.uuid, attachment: null }
    : { disk: context.disk, attachment: context.id };
