import { reasonOf } from '../errors.ts';
import type { Acquire } from '../lib/keyed-mutex.ts';
import type { LibvirtClient } from '../libvirt/client.ts';
import { LibvirtError } from '../libvirt/errors.ts';
import { withDeadline } from './deadline.ts';
import type { NodeLink } from './node-link.ts';

/** What became of a call that changes a domain. */
export type CallResult =
  | { readonly kind: 'done' }
  | { readonly kind: 'refused'; readonly error: LibvirtError }
  /** It was certainly not executed, and will not be. */
  | { readonly kind: 'unsent'; readonly detail: string }
  /** It may have been executed, or may be yet: libvirt cannot be told to forget a call. */
  | { readonly kind: 'lost'; readonly detail: string };

/** Makes one call on the connection for changes, when it is this domain's turn; never rejects. */
export async function change(
  link: NodeLink,
  turn: { take: Acquire; domain: string },
  deadline: number,
  signal: AbortSignal,
  call: (client: LibvirtClient, signal: AbortSignal) => Promise<void>,
): Promise<CallResult> {
  let sent = false;
  try {
    return await withDeadline(deadline, signal, async limit => {
      const endTurn = await turn.take(turn.domain, limit);
      try {
        const client = await link.changes(deadline, limit);
        sent = true;
        await call(client, limit);
        return { kind: 'done' };
      } finally {
        endTurn();
      }
    });
  } catch (error) {
    if (error instanceof LibvirtError) return { kind: 'refused', error };
    const detail = reasonOf(error);
    const certain =
      !sent || (error instanceof Error && 'outcomeUnknown' in error && error.outcomeUnknown === false);
    return { kind: certain ? 'unsent' : 'lost', detail };
  }
}
