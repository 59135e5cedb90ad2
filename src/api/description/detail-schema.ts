// Without ids: the AsyncAPI document, whose messages have these schemas as well, has no components for them to refer to.
import { z } from 'zod';
import { diskStates } from '../../disks/service.ts';

const instant = z.iso.datetime();

/** What is told of an attachment. */
export const attachmentShape = {
  id: z.string(),
  state: z.string(),
  mode: z.enum(['hot', 'cold']),
  node: z.string().nullable().describe('null to those who may not know'),
  vm_id: z.string().nullable().describe('null to those who may not know'),
  domain: z
    .uuid()
    .nullable()
    .describe("libvirt's UUID of the machine; null before its launch, and to those who may not know"),
  target: z
    .string()
    .regex(/^vd[a-z]$/)
    .nullable()
    .describe('null while none is promised, and to those who may not know'),
  since: instant,
  by: z.string().nullable().describe('The account that asked for it; null to those who may not know'),
  away: z.boolean().describe('Its machine was saved to a file or has migrated, and was not found yet'),
  doubt: z
    .object({ message: z.string(), since: instant })
    .nullable()
    .describe('Why it is not known whether its machine is gone; a detach call or an administrator says so'),
  diverted: z
    .string()
    .nullable()
    .describe(
      'The path that the machine writes to instead of the volume: what it writes would be lost by a detach',
    ),
};

/** What is told of a disk in the view `full`. */
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
    limit: z.int().positive().describe('How many machines may use it at once'),
    users: z.int().min(0).describe('How many do'),
    remaining: z.int().min(0),
    attachments: z.array(z.object(attachmentShape)).describe('In order of attachment'),
    waiting: z
      .array(
        z.object({
          for: z
            .enum(['pool', 'node', 'guest', 'person'])
            .describe(
              'pool: for its volume; node: to plug it; guest: to let go of it; person: to say that its machine is gone',
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
