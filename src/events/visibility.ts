import type { Caller } from '../accounts/caller.ts';
import type { EventRecord } from '../store/records.ts';

/**
 * How much of an event a caller sees: the `whole`; for public disks of others the `outside`, without VMs and
 * accounts, because no other answer of the API shows them either; or nothing.
 */
export type EventVisibility = 'whole' | 'outside' | 'nothing';

/** Decides by the disk's owner and visibility at the time of the event. */
export function visibilityOf(
  { account, id, role }: Caller,
  { disk, attachment, cause }: EventRecord,
): EventVisibility {
  /** Whether a name and an id are the caller's: the name alone may be that of an earlier account. */
  const isCaller = (name: string | undefined, itsId: string | undefined): boolean =>
    name === account && itsId === id;
  if (role !== 'user') return 'whole';
  if (disk && isCaller(disk.owner, disk.ownerId)) return 'whole';
  if (disk?.visibility !== 'public') return 'nothing';
  const acted =
    (attachment && isCaller(attachment.by, attachment.byId)) || isCaller(cause.account, cause.accountId);
  return acted ? 'whole' : 'outside';
}

/** The events that a subscriber asked for; undefined: no restriction. */
export interface Filter {
  readonly disks: ReadonlySet<string> | undefined;
  readonly types: ReadonlySet<string> | undefined;
  /** Normalised host names of hypervisors: only events of attachments there. */
  readonly nodes: ReadonlySet<string> | undefined;
}

/** How much of an event a subscriber gets. VMs that the caller may not see match no node filter. */
export function visibilityIn(caller: Caller, filter: Filter, event: EventRecord): EventVisibility {
  const { disks, types, nodes } = filter;
  if (disks && !disks.has(event.subject)) return 'nothing';
  if (types && !types.has(event.type)) return 'nothing';
  const sight = visibilityOf(caller, event);
  if (nodes && !(sight === 'whole' && event.attachment && nodes.has(event.attachment.node))) return 'nothing';
  return sight;
}
