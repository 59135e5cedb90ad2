import type { Caller } from '../../accounts/caller.ts';
import type { ErrorFacts } from '../../errors.ts';
import type { RecordIndex } from '../records/record-index.ts';
import type { StoredDisk } from '../records/records.ts';
import { maySeeUse } from './rights.ts';

/** How many VMs a sentence names. */
const MAX_NAMED_VMS = 5;

/** Names the VMs that caused the refusal of a request, as far as the caller may see them. */
export function usersInTheWay(
  records: RecordIndex,
  caller: Caller,
  disk: StoredDisk | undefined,
  code: string | null | undefined,
): Pick<ErrorFacts, 'detail'> {
  if (!disk || (code !== 'LIMIT_REACHED' && code !== 'DISK_IN_USE')) return {};
  const users = disk.context.users.flatMap(({ attachment }) => records.attachment(attachment) ?? []);
  const seen = users.filter(one => maySeeUse(caller, disk, one));
  const names = seen
    .slice(0, MAX_NAMED_VMS)
    .map(({ context }) => `VM '${context.vmId}' on node '${context.node}'`);
  if (names.length === 0) return {};
  const others = users.length - names.length;
  return { detail: others > 0 ? `${names.join(', ')} and ${others} more` : names.join(', ') };
}
