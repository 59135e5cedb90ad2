import { z } from 'zod';
import { accountName } from '../../accounts/record.ts';
import { auditOutcomes } from '../../audit/audit-reader.ts';
import { isUuid } from '../../lib/uuid.ts';
import { nodeName, wholeNumber } from '../description/inputs.ts';

const PAGE_MAX = 1000;
const PAGE_DEFAULT = 100;

const time = (name: string, description: string) =>
  z.iso
    .datetime({ offset: true, error: `${name} must be a time as in RFC 3339` })
    .transform(text => Date.parse(text))
    .meta({ description, examples: ['2011-07-28T15:00:00Z'] })
    .optional();

/** The inputs of the audit: which entries, how many on a page, in which format. */
export const auditChoice = z.strictObject({
  account: accountName
    .meta({
      description: 'Only what this account did or was tried under its name, and what was done to it',
      examples: ['test'],
    })
    .optional(),
  disk: z
    .string()
    .transform(text => text.toLowerCase())
    .refine(isUuid, 'disk must be a UUID')
    .meta({ description: 'Only what was done to this disk or leftover', format: 'uuid', examples: [] })
    .optional(),
  node: nodeName.meta({ description: 'Only what was done to this node or to VMs on it' }).optional(),
  operation: z
    .string()
    .regex(/^[A-Za-z]{1,64}$/, 'operation must be the id of an operation, as in the OpenAPI document')
    .meta({
      description: 'Only this operation, by its id in this document, or `login`',
      examples: ['hotattach'],
    })
    .optional(),
  outcome: z
    .enum(auditOutcomes, `outcome must be one of ${auditOutcomes.join(', ')}`)
    .meta({ description: 'Only requests that ended so', examples: ['refused'] })
    .optional(),
  from: time('from', 'Only from this time on'),
  to: time('to', 'Only up to this time'),
  limit: wholeNumber(
    'limit',
    1,
    PAGE_MAX,
    'At most so many; if others follow, the header `Link` leads to them',
  )
    .default(PAGE_DEFAULT)
    .meta({ default: PAGE_DEFAULT }),
  after: z
    .string()
    .regex(/^[1-9]\d{0,14}$/, 'after must be as a Link header has it')
    .transform(Number)
    .meta({ description: 'Where the last page ended, as in its header `Link`', examples: [] })
    .optional(),
  format: z
    .literal('jsonl', "format must be 'jsonl', or left out")
    .meta({ description: 'One entry on each line, as with `Accept: application/jsonl`', examples: [] })
    .optional(),
});
