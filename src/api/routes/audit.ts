import type { z } from 'zod';
import type { AuditLog } from '../../audit/audit-log.ts';
import { outcomeOf, readAudit } from '../../audit/audit-reader.ts';
import { errorOf } from '../../errors.ts';
import type { AuditRecord } from '../../store/records.ts';
import { type auditEntry, listAudit } from '../description/operations/audit.ts';
import { json } from '../http/answer.ts';
import { instant } from '../text/event-text.ts';
import { nextLink } from './paging.ts';
import { type Route, route } from './route.ts';

const JSONL = 'application/jsonl';

const auditKeys = (entry: AuditRecord): z.infer<typeof auditEntry> => ({
  sequence: entry.sequence,
  time: instant(entry.time),
  account: entry.account,
  attempted: entry.attempted,
  client: entry.client,
  request: entry.request,
  operation: entry.operation,
  disks: entry.disks,
  node: entry.node,
  vm_id: entry.vmId,
  subject: entry.subject,
  token: entry.token,
  outcome: outcomeOf(entry),
  status: entry.status,
  code: entry.code,
  repeated: entry.repeated,
  count: entry.count,
  first: instant(entry.first),
});

/** The audit, for administrators. */
export const auditRoutes = (log: AuditLog): readonly Route[] => [
  route(listAudit, async ({ caller, head }, { format, ...choice }) => {
    if (caller.role !== 'admin') throw errorOf('FORBIDDEN', { detail: 'the audit is for administrators' });
    const { entries, next } = await readAudit(log, choice);
    const headers = next === undefined ? undefined : { Link: nextLink(head, String(next)) };
    if (format === undefined && !head.accept?.includes(JSONL))
      return json(entries.map(auditKeys), 200, headers);
    const body = entries.map(entry => `${JSON.stringify(auditKeys(entry))}\n`).join('');
    return { status: 200, type: JSONL, body, headers };
  }),
];
