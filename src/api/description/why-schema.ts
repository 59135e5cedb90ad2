import { z } from 'zod';
import { diskStates } from '../../disks/service.ts';
import { attachmentShape } from './detail-schema.ts';

// The answers of the explaining operations.

const instant = z.iso.datetime();
const sentences = z.array(z.string()).describe('The whole explanation, for people');

const party = z
  .enum(['pool', 'node', 'guest', 'person'])
  .describe(
    'pool: for its volume; node: to plug it; guest: to let go of it; person: to say that the VM is gone',
  );

/** Since when and until when something waits for whom. */
const wait = {
  for: party,
  since: instant
    .nullable()
    .describe('For a wait that began before pdisk was started: the time of the start; null: not known'),
  until: instant.nullable().describe('Null: for as long as it takes'),
};

const attachmentId = z.string().nullable().describe('Id of the attachment; null: the disk itself');

const way = z
  .object({
    attachment: attachmentId,
    request: z.string().nullable().describe('Null: none is needed, or this account may not send it'),
    inputs: z.record(z.string(), z.string()).nullable(),
    by: z
      .array(z.enum(['owner', 'account', 'service', 'admin']))
      .describe(
        'Who may send it: the owner of the disk, the account that attached it, the cloud’s frontend, administrators',
      ),
    allowed: z.boolean().describe('Whether this account may'),
    when: z.string().nullable().describe('On which condition; null: none'),
    frees: z.boolean().describe('Whether it frees the disk at once; else it is the beginning of that'),
    leads_to: z.string().describe('The state to which it leads, or what it does'),
    sentence: z.string(),
  })
  .meta({ id: 'Way', description: 'What would free a disk, or end a wait' });

/** The answer of `explainDisk`. */
export const diskWhy = z
  .object({
    disk: z.uuid(),
    state: z.enum(diskStates),
    waiting: z.array(
      z.object({
        attachment: attachmentId,
        ...wait,
        next: z
          .array(z.object({ event: z.string(), means: z.string() }))
          .describe('The events of the chart that could end the wait'),
        afterwards: z
          .object({ state: z.string(), means: z.string() })
          .nullable()
          .describe('What happens at `until`'),
      }),
    ),
    attachments: z
      .array(z.object({ ...attachmentShape, sentences }))
      .describe('In order of attachment, at most 100'),
    others: z.int().min(0).describe('How many attachments are left out'),
    holders: z
      .array(z.object({ node: z.string(), vm: z.string(), domain: z.string(), target: z.string() }))
      .nullable()
      .describe('The live domains that were last seen with it; null to those who may not know'),
    ways: z.array(way),
    sentences,
  })
  .meta({ id: 'DiskWhy' });

/** The answer of `explainNode`. */
export const nodeWhy = z
  .object({
    node: z.string(),
    names: z.array(z.string()),
    reachable: z.boolean(),
    since: instant.nullable().describe('Null: pdisk was never connected to it'),
    error: z.string().nullable().describe('Null to those who do not run the cloud'),
    alarm: z.string().nullable().describe('Null to those who do not run the cloud'),
    declared_dead: z
      .object({ by: z.string(), reason: z.string(), since: instant })
      .nullable()
      .describe('Null to those who do not run the cloud'),
    attachments: z.int().min(0).describe('How many attachments to VMs of the node this account may see'),
    waiting: z
      .array(
        z.object({ disk: z.uuid(), vm_id: z.string(), attachment: z.string(), state: z.string(), ...wait }),
      )
      .describe('Those that wait, the longest wait first, at most 100'),
    others: z.int().min(0).describe('How many that wait are left out'),
    ways: z.array(way).describe('What administrators can do; empty for those who do not run the cloud'),
    sentences,
  })
  .meta({ id: 'NodeWhy' });

/** The answer of `listAttachments`. */
export const attachmentList = z.array(
  z.object({
    disk: z.uuid(),
    ...attachmentShape,
    waiting: z.object(wait).nullable().describe('Null: it waits for nobody'),
  }),
);
