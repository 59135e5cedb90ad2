import { z } from 'zod';
import { auditOutcomes } from '../../../audit/audit-reader.ts';
import { auditChoice } from '../../routes/audit-choice.ts';
import { operation } from '../operation.ts';
import { DISK, vmName } from './examples.ts';

const instant = z.iso.datetime();

/** An entry of the audit. */
export const auditEntry = z
  .object({
    sequence: z.int().positive(),
    time: instant.describe('When it was decided or refused; of several requests, the last'),
    account: z.string().nullable().describe('Who asked; null: not known'),
    attempted: z.string().nullable().describe('The name that a failed login gave'),
    client: z.string().nullable().describe('The network address of the client'),
    request: z.string().nullable().describe('The X-Request-Id'),
    operation: z.string().describe('Its id in this document, or `login`; `several`: requests of many kinds'),
    disks: z.array(z.uuid()).describe('The disks or the leftover, at most 100'),
    node: z.string().nullable(),
    vm_id: z.string().nullable(),
    subject: z.string().nullable().describe('The account that it is about'),
    token: z.string().nullable().describe('Id of the token that it is about'),
    outcome: z
      .enum(auditOutcomes)
      .describe(
        'done; refused (4xx); failed (5xx); unknown: accepted, and in progress, or pdisk ended before the result was known',
      ),
    status: z.int().nullable().describe('The HTTP status; null: not known'),
    code: z.string().nullable().describe('The error code; null: none'),
    repeated: z.boolean().describe('It got the first answer of its Idempotency-Key'),
    count: z.int().positive().describe('For how many requests of a kind the entry stands'),
    first: instant.describe('When the first of them came'),
  })
  .meta({ id: 'AuditEntry', description: 'A request that changed something or tried to, or a login' });

const example = {
  sequence: 4711,
  time: '2011-07-28T15:20:00.000Z',
  account: 'test',
  attempted: null,
  client: '192.0.2.7',
  request: 'V1StGXR8_Z5jdHi6B-myT',
  operation: 'hotattach',
  disks: [DISK],
  ...vmName,
  subject: null,
  token: null,
  outcome: 'refused',
  status: 400,
  code: 'LIMIT_REACHED',
  repeated: false,
  count: 1,
  first: '2011-07-28T15:20:00.000Z',
};

export const listAudit = operation({
  id: 'listAudit',
  method: 'GET',
  path: '/api/audit',
  group: 'service',
  summary: 'Who did what, when, from where, and with which outcome',
  details:
    'For administrators, newest first: every request that changed something, was to change something and was refused, and logins. ' +
    'Where many requests are refused, further ones of a kind are counted in one entry. A page may be short although `Link` leads on. ' +
    'Entries are kept as long as events. They have no passwords, tokens or bodies.',
  inputs: auditChoice,
  outcomes: {
    200: {
      means: 'The entries',
      content: { 'application/json': z.array(auditEntry), 'application/jsonl': z.string() },
      examples: { audit: [example] },
      headers: ['Link'],
    },
  },
  errors: ['FORBIDDEN'],
});
