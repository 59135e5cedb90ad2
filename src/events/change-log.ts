import type { Logger } from 'pino';
import type { EventRecord } from '../store/records.ts';

/** What is told at `debug` only: what begins a wait, whose end is told, and pieces of a work that goes on. */
const isPassing = ({ type, deadline }: EventRecord): boolean =>
  type === 'disk.wiping' || (type === 'disk.state-changed' && deadline !== null);

/**
 * Tells the log what has become of disks and attachments, a line each, whoever caused it: a request, a machine that died, a guest that
 * kept its disk.
 */
export function logChanges(log: Logger): (events: readonly EventRecord[]) => void {
  return events => {
    for (const event of events) {
      const level = isPassing(event) ? 'debug' : 'info';
      if (!log.isLevelEnabled(level)) continue;
      const { type, sequence, subject, attachment, from, to, cause, problem } = event;
      const machine = attachment && {
        attachment: attachment.id,
        node: attachment.node,
        vm: attachment.vmId,
        target: attachment.target,
      };
      const { kind, request, account } = cause;
      const facts = { event: type, sequence, disk: subject, ...machine, from, to };
      log[level]({ ...facts, cause: kind, request, account, ...(problem && { problem }) }, 'change');
    }
  };
}
