import type { AuditRecord } from '../store/records.ts';
import type { AuditLog } from './audit-log.ts';

/**
 * How a request ended. `unknown`: it was accepted, and is in progress, or the process ended before the
 * result was known.
 */
export const auditOutcomes = ['done', 'refused', 'failed', 'unknown'] as const;
export type AuditOutcome = (typeof auditOutcomes)[number];

/** How the request of an entry ended: refused (4xx), or not done by pdisk or its surroundings (5xx). */
export function outcomeOf({ status }: Pick<AuditRecord, 'status'>): AuditOutcome {
  if (status === null) return 'unknown';
  if (status < 400) return 'done';
  return status < 500 ? 'refused' : 'failed';
}

/** Which entries are wanted. An undefined filter matches every entry. */
export interface AuditChoice {
  readonly account?: string | undefined;
  readonly disk?: string | undefined;
  readonly node?: string | undefined;
  readonly operation?: string | undefined;
  readonly outcome?: AuditOutcome | undefined;
  /** In milliseconds since 1970, both included. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  /** Only entries with a smaller sequence. */
  readonly after?: number | undefined;
  /** Length limit of the page. */
  readonly limit: number;
}

/** A page of entries, newest first. */
export interface AuditPage {
  readonly entries: readonly AuditRecord[];
  /** Where the next page begins; undefined: there is none. */
  readonly next: number | undefined;
}

/** How many entries are looked through for one page, which limits what a request costs. */
const LOOK_THROUGH = 10_000;

const isWanted = (entry: AuditRecord, choice: AuditChoice): boolean =>
  (choice.account === undefined ||
    [entry.account, entry.attempted, entry.subject].includes(choice.account)) &&
  (choice.disk === undefined || entry.disks.includes(choice.disk)) &&
  (choice.node === undefined || entry.node?.toLowerCase() === choice.node.toLowerCase()) &&
  (choice.operation === undefined || entry.operation === choice.operation) &&
  (choice.outcome === undefined || outcomeOf(entry) === choice.outcome) &&
  (choice.from === undefined || entry.time >= choice.from) &&
  (choice.to === undefined || entry.first <= choice.to);

/**
 * A page of the audit, newest first. What was decided before the call is in it. A page may be short although
 * others follow.
 */
export async function readAudit(
  log: Pick<AuditLog, 'newest' | 'oldest' | 'before' | 'flush'>,
  choice: AuditChoice,
): Promise<AuditPage> {
  await log.flush();
  const found: AuditRecord[] = [];
  let upTo = Math.min(log.newest(), (choice.after ?? Number.POSITIVE_INFINITY) - 1);
  const last = upTo - LOOK_THROUGH;
  while (upTo >= log.oldest() && upTo > last) {
    const chunk = [...(await log.before(upTo))].reverse();
    for (const entry of chunk) {
      if (isWanted(entry, choice)) found.push(entry);
      if (found.length === choice.limit) {
        return { entries: found, next: entry.sequence > log.oldest() ? entry.sequence : undefined };
      }
    }
    const oldestRead = chunk.at(-1)?.sequence;
    if (oldestRead === undefined) break;
    upTo = oldestRead - 1;
  }
  return { entries: found, next: upTo >= log.oldest() ? upTo + 1 : undefined };
}
