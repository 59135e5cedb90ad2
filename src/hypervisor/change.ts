import { reasonOf } from '../errors.ts';
import type { Acquire } from '../lib/keyed-mutex.ts';
import type { LibvirtClient } from '../libvirt/client.ts';
import { LibvirtError } from '../libvirt/errors.ts';
import { withDeadline } from './deadline.ts';
import type { NodeLink } from './node-link.ts';

/** The result of a call that changes a domain. */
export type CallResult =
  | { readonly kind: 'done' }
  | { readonly kind: 'refused'; readonly error: LibvirtError }
  /** libvirt has not executed the call, and never will. */
  | { readonly kind: 'unsent'; readonly detail: string }
  /**
   * libvirt may have executed the call, or may still execute it: a call that was sent cannot be cancelled.
   */
  | { readonly kind: 'lost'; readonly detail: string };

/**
 * Makes one call on the connection for changes while it holds the mutex of the domain. `deadline` is in
 * milliseconds since 1970. Never rejects.
 */
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
