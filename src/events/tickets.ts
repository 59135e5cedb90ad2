import type { Caller } from '../accounts/caller.ts';

const LIFE_MS = 30_000;
/** How many unused tickets an account may have; a further one replaces the oldest. */
const PER_ACCOUNT = 16;

/**
 * Tickets replace credentials once, for `LIFE_MS`: a browser can put them into the URL of a WebSocket, where
 * it cannot send headers.
 */
export interface Tickets {
  /** Issues a ticket; `expires` in milliseconds since 1970. */
  issue(caller: Caller): { readonly ticket: string; readonly expires: number };
  /** Uses a ticket up and returns its caller; undefined where it is unknown, used or expired. */
  redeem(ticket: string): Caller | undefined;
}

/**
 * Creates tickets, in memory only. `newTicket` makes an unguessable secret; `now` in milliseconds since 1970.
 */
export function createTickets(newTicket: () => string, now: () => number): Tickets {
  // In the order of issue, which is the order of expiry.
  const open = new Map<string, { readonly caller: Caller; readonly expires: number }>();

  function makeRoom(account: string): void {
    for (const [ticket, { expires }] of open) {
      if (expires > now()) break;
      open.delete(ticket);
    }
    const own = [...open].filter(([, { caller }]) => caller.account === account);
    for (const [ticket] of own.slice(0, Math.max(0, own.length - PER_ACCOUNT + 1))) open.delete(ticket);
  }

  return {
    issue(caller) {
      makeRoom(caller.account);
      const ticket = newTicket();
      const expires = now() + LIFE_MS;
      open.set(ticket, { caller, expires });
      return { ticket, expires };
    },
    redeem(ticket) {
      const found = open.get(ticket);
      open.delete(ticket);
      return found && found.expires > now() ? found.caller : undefined;
    },
  };
}
