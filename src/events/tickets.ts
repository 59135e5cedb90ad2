import type { Caller } from '../accounts/caller.ts';

const LIFE_MS = 30_000;
/** Tickets of one account that are open at once; a further one takes the place of its oldest. */
const PER_ACCOUNT = 16;

/** Tickets stand for credentials once, for a moment: browsers can put them into a URL where they cannot send headers. */
export interface Tickets {
  issue(caller: Caller): { readonly ticket: string; readonly expires: number };
  /** Whose ticket this is; it is used up. Undefined where there is no such ticket any more. */
  redeem(ticket: string): Caller | undefined;
}

/** Tickets are kept in memory only. `newTicket` makes a secret that nobody guesses. */
export function createTickets(newTicket: () => string, now: () => number): Tickets {
  // In order of issue, which is the order in which they expire.
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
