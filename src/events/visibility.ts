import type { Caller } from '../accounts/caller.ts';
import type { EventRecord } from '../store/records.ts';

/**
 * What a caller sees of an event: `whole`; of others' public disks the `outside`, without machines and accounts, for no other
 * answer of the API shows them either; or nothing.
 */
export type EventVisibility = 'whole' | 'outside' | 'nothing';

/** Decided by the disk's owner and visibility as they were at the time of the event. */
export function visibilityOf(
  { account, id, role }: Caller,
  { disk, attachment, cause }: EventRecord,
): EventVisibility {
  /** Whether this is the caller, and no account that had the same name before. */
  const isCaller = (name: string | undefined, its: string | undefined): boolean =>
    name === account && its === id;
  if (role !== 'user') return 'whole';
  if (disk && isCaller(disk.owner, disk.ownerId)) return 'whole';
  if (disk?.visibility !== 'public') return 'nothing';
  const acted =
    (attachment && isCaller(attachment.by, attachment.byId)) || isCaller(cause.account, cause.accountId);
  return acted ? 'whole' : 'outside';
}

/** Which events a subscriber asked for; undefined: whatever it is. */
export interface Filter {
  readonly disks: ReadonlySet<string> | undefined;
  readonly types: ReadonlySet<string> | undefined;
  /** Host names of hypervisors in their normal form: events of attachments there. */
  readonly nodes: ReadonlySet<string> | undefined;
}

/** What of an event to send to a subscriber. A machine that one may not see is on no node. */
export function visibilityIn(caller: Caller, filter: Filter, event: EventRecord): EventVisibility {
  const { disks, types, nodes } = filter;
  if (disks && !disks.has(event.subject)) return 'nothing';
  if (types && !types.has(event.type)) return 'nothing';
  const sight = visibilityOf(caller, event);
  if (nodes && !(sight === 'whole' && event.attachment && nodes.has(event.attachment.node))) return 'nothing';
  return sight;
}
