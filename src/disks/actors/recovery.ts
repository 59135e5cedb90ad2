import type { Logger } from 'pino';
import { attachmentKey, diskKey } from '../../../machines/notes.ts';
import type { RecordIndex } from '../records/record-index.ts';
import { isHeld, isWaiting } from '../records/records.ts';
import type { ActorSystem } from './system.ts';

const CAUSE = { kind: 'restart' } as const;

/**
 * The nodes with a held attachment whose domain is known: they are linked at start, because their events
 * matter from then on.
 */
export function usedNodes(records: RecordIndex): ReadonlySet<string> {
  const seen = [...records.attachments()].filter(one => isHeld(one) && one.context.vm.domain !== null);
  return new Set(seen.map(one => one.context.vm.node));
}

/**
 * Sends RESUME to every actor that was waiting when the last process ended. All of them work again when this
 * function returns; the promise resolves when each has answered.
 */
export function resume(system: ActorSystem, records: RecordIndex, log: Logger): Promise<unknown> {
  const keys = [
    ...[...records.disks()].filter(isWaiting).map(one => diskKey(one.context.uuid)),
    ...[...records.attachments()].filter(isWaiting).map(one => attachmentKey(one.context.id)),
  ];
  if (keys.length > 0) log.info({ actors: keys.length }, 'resuming what was interrupted');
  const answered = keys.map(key => system.deliver([{ to: key, event: { type: 'RESUME' } }], CAUSE, key));
  return Promise.allSettled(answered);
}
