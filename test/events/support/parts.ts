import { nanoid } from 'nanoid';
import type { Accounts } from '../../../src/accounts/accounts.ts';
import type { DiskService } from '../../../src/disks/service.ts';
import { createStreams, type StreamsParts } from '../../../src/events/streams.ts';
import { createTickets } from '../../../src/events/tickets.ts';
import { memoryLog } from './memory-log.ts';

/** Streams and tickets over a log in memory. */
export async function eventParts(
  accounts: Pick<Accounts, 'isCurrent'>,
  service: Pick<DiskService, 'list' | 'listDetails'>,
  { idleSeconds = 120, ...more }: Partial<StreamsParts> & { readonly idleSeconds?: number } = {},
) {
  const memory = await memoryLog();
  const streams = createStreams({
    log: memory.log,
    service,
    isCurrent: accounts.isCurrent,
    perAccount: 100,
    bookmarkMs: 30_000,
    failed: error => {
      throw error;
    },
    ...more,
  });
  return {
    memory,
    events: { log: memory.log, streams, tickets: createTickets(nanoid, Date.now), idleSeconds },
  };
}
