import type { Logger } from 'pino';
import type { EventRecord } from '../store/records.ts';

/** Logged at `debug` only: the start of an operation (its end is logged too), and the progress of wiping. */
const isPassing = ({ type, deadline }: EventRecord): boolean =>
  type === 'disk.wiping' || (type === 'disk.state-changed' && deadline !== null);

/**
 * Logs each change of disks and attachments as one line, whatever caused it: a request, a VM that ended, a
 * guest that did not release its disk.
 */
export function logChanges(log: Logger): (events: readonly EventRecord[]) => void {
  return events => {
    for (const event of events) {
      const level = isPassing(event) ? 'debug' : 'info';
      if (!log.isLevelEnabled(level)) continue;
      const { type, sequence, subject, attachment, from, to, cause, problem } = event;
      const vm = attachment && {
        attachment: attachment.id,
        node: attachment.node,
        vm: attachment.vmId,
        target: attachment.target,
      };
      const { kind, request, account } = cause;
      const facts = { event: type, sequence, disk: subject, ...vm, from, to };
      log[level]({ ...facts, cause: kind, request, account, ...(problem && { problem }) }, 'change');
    }
  };
}
