// Schemas without ids: the messages of the AsyncAPI document have them too, and that document has no
// components for references.
import { z } from 'zod';
import { diskStates } from '../../disks/service.ts';

const instant = z.iso.datetime();

/** The keys of an attachment. */
export const attachmentShape = {
  id: z.string(),
  state: z.string(),
  mode: z.enum(['hot', 'cold']),
  node: z.string().nullable().describe('null to those who may not know'),
  vm_id: z.string().nullable().describe('null to those who may not know'),
  domain: z
    .uuid()
    .nullable()
    .describe("libvirt's UUID of the VM; null before its launch, and to those who may not know"),
  target: z
    .string()
    .regex(/^vd[a-z]$/)
    .nullable()
    .describe('null while none is promised, and to those who may not know'),
  since: instant,
  by: z.string().nullable().describe('The account that asked for it; null to those who may not know'),
  away: z.boolean().describe('The VM was saved to a file or has migrated, and has not been found yet'),
  doubt: z
    .object({ message: z.string(), since: instant })
    .nullable()
    .describe(
      'Why it is not known whether the VM is gone; null: it is known. A detach call or an administrator can say so',
    ),
  diverted: z
    .string()
    .nullable()
    .describe(
      'The path that the VM writes to instead of the volume: a detach would lose what it writes; null: it writes to the volume',
    ),
};

/** A disk in the view `full`. */
export const detailsSchema = z
  .object({
    uuid: z.uuid(),
    tag: z.string(),
    owner: z.string(),
    visibility: z.enum(['private', 'public']),
    size: z.int().positive().describe('GiB'),
    created: instant,
    state: z.enum(diskStates),
    reason: z
      .object({ code: z.string(), message: z.string() })
      .nullable()
      .describe('Why its creation failed; null for others'),
    limit: z.int().positive().describe('How many VMs may use it at once'),
    users: z.int().min(0).describe('How many do'),
    remaining: z.int().min(0),
    attachments: z.array(z.object(attachmentShape)).describe('In order of attachment'),
    waiting: z
      .array(
        z.object({
          for: z
            .enum(['pool', 'node', 'guest', 'person'])
            .describe(
              'pool: for its volume; node: to plug it; guest: to let go of it; person: to say that the VM is gone',
            ),
          attachment: z
            .string()
            .nullable()
            .describe('Id of the attachment that waits; null: the disk itself'),
          until: instant.nullable().describe('Null: for as long as it takes'),
        }),
      )
      .describe('Whom the disk waits for'),
    wiped: z
      .int()
      .nullable()
      .describe("How much of a deleted disk's volume is wiped, in percent; null for others"),
  })
  .describe('A disk in the view `full`, as GET /api/disks/:uuid?view=full shows it');
