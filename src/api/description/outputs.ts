import { z } from 'zod';
import { accountRole } from '../../accounts/record.ts';
import { attachmentShape, detailsSchema } from './detail-schema.ts';
import { differenceSchema, diskSchema, eventSchema } from './event-schema.ts';

// A schema with an id is in the document once, under that name.

const uuid = z.uuid();
const digits = z.string().regex(/^\d+$/);
const moment = z
  .string()
  .regex(/^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d$/)
  .meta({ description: 'In UTC', examples: ['2011/07/28 15:01:40'] });
const instant = z.iso.datetime();

export const disk = diskSchema.meta({ id: 'Disk' });

export const diskUuid = z.object({ uuid }).meta({ id: 'DiskUuid' });

const vm = { node: z.string(), vm_id: z.string() };
const uuids = z.array(uuid).describe('In order of attachment');

export const vmDisks = z
  .object({ ...vm, uuid: uuids })
  .meta({ id: 'VmDisks', description: 'A VM, as the caller named it, and disks of it' });

export const pluggedDisk = z.object({ ...vm, target: z.string().regex(/^vd[a-z]$/), uuid: uuids }).meta({
  id: 'PluggedDisk',
  description: 'A VM, as the caller named it, and the target of the disk in it',
});

const vouched = {
  vouched: z.string().optional().describe('With `force`: what the administrator has confirmed without proof'),
};
export const unpluggedDisk = pluggedDisk.extend(vouched).meta({ id: 'UnpluggedDisk' });
export const releasedDisks = vmDisks.extend(vouched).meta({ id: 'ReleasedDisks' });

export const diskLimit = z.object({ uuid, limit: digits });
export const diskSize = z.object({ uuid, size: digits.describe('GiB') });

const attachment = z.object(attachmentShape).meta({ id: 'Attachment' });

/** A disk in the view `full`. */
export const diskDetails = detailsSchema
  .extend({ attachments: z.array(attachment).describe('In order of attachment') })
  .meta({ id: 'DiskDetails', description: 'A disk in the view `full`' });

const { node: _node, vm_id: _vmId, ...onVm } = attachmentShape;

export const vmAttachments = z.object({
  ...vm,
  disks: z.array(z.object({ disk: uuid, ...onVm })).describe('In order of attachment'),
});

export const nodes = z.array(
  z
    .object({
      node: z.string(),
      names: z.array(z.string()).describe('All names that the configuration has for it'),
      reachable: z.boolean(),
      since: instant.describe('Since when it has been reachable, or unreachable'),
      libvirt: z.string().nullable().describe('The version of libvirt when the node was last reachable'),
      qemu: z.string().nullable().describe('The version of QEMU when the node was last reachable'),
      uri: z.string().nullable().describe('null to those who do not run the cloud'),
      error: z
        .string()
        .nullable()
        .describe('Why it cannot be reached; null to those who do not run the cloud'),
      alarm: z
        .string()
        .nullable()
        .describe(
          'Why nothing is released there; null where there is no reason, and to those who do not run the cloud',
        ),
      declared_dead: z
        .object({ by: z.string(), reason: z.string(), since: instant })
        .nullable()
        .describe('Who declared it dead; null: nobody, and to those who do not run the cloud'),
    })
    .meta({ id: 'Node' }),
);

export const pool = z.object({
  capacity: z.int().min(0).describe('GiB that may be promised to disks in all'),
  allocated: z
    .int()
    .min(0)
    .describe('GiB promised, also to disks whose volume is being made, removed or wiped'),
  free: z.int().min(0).describe('GiB that new disks may take'),
});

export const message = z
  .object({ message: z.array(z.string()).min(1).describe('A sentence each') })
  .meta({ id: 'Error' });

export const account = z.object({ name: z.string(), role: accountRole }).meta({ id: 'Account' });
const limit = digits.nullable().describe('null: as much as there is room for');
export const listedAccount = account
  .extend({
    disks: digits.describe('How many disks it has'),
    size: digits.describe('GiB that they have together'),
    quota: z
      .object({ disks: limit, size: limit })
      .describe('What it may have: as an administrator has set it, else as the configuration says'),
  })
  .meta({ id: 'ListedAccount', description: 'An account, and what it has' });
export const accountName = z.object({ name: z.string() }).meta({ id: 'AccountName' });
export const quota = z.object({ name: z.string(), disks: digits, size: digits.describe('GiB') });

const tokenFields = { id: z.string(), name: z.string(), created: moment, expires: moment };
export const token = z.object(tokenFields).meta({ id: 'Token' });
export const newToken = z.object({ ...tokenFields, token: z.string().describe('The secret') });
export const tokenId = z.object({ id: z.string() });

export const ticket = z.object({ ticket: z.string(), expires: instant });

export const agreed = z.object({ node: z.string(), alarm: z.string().describe('What the alarm said') });

export const declaredDead = z.object({
  node: z.string(),
  released: z.array(uuid).describe('The disks that were attached there'),
});
export const declaredAlive = z.object({ node: z.string() });

export const leftovers = z.array(
  z
    .object({
      uuid,
      size: z.int().min(0).describe('Bytes'),
      created: instant.nullable().describe('When the volume was created; null where the pool does not know'),
      since: instant.describe('When it was first seen to belong to no disk'),
      written: z
        .boolean()
        .nullable()
        .describe('Whether it was ever written to; null where that cannot be known without reading it'),
      obstacle: z.string().nullable().describe('Why it can be neither adopted nor removed; null: it can'),
      holders: z
        .array(z.object({ node: z.string(), vm: z.string(), domain: z.string(), target: z.string() }))
        .describe('The live domains that have it'),
    })
    .meta({ id: 'Leftover', description: 'A volume that belongs to no disk' }),
);

export const adopted = z.object({
  uuid,
  over_quota: z.boolean().describe("Whether the owner's disks are now more than its quota allows"),
});

export const drift = z.array(differenceSchema.meta({ id: 'Difference' }));

export const charts = z.array(
  z.object({
    name: z.enum(['disk', 'attachment']),
    states: z.array(z.object({ state: z.string(), count: z.int().min(0) })),
  }),
);

export const anyObject = z.record(z.string(), z.unknown());
export const text = z.string();

const finding = z
  .object({
    event: z.string(),
    given: z.string().describe('What is assumed about the event; may be empty'),
    request: z.string().nullable().describe('The request that sends it; null: none does'),
    outcome: z.enum(['taken', 'refused', 'unheard']),
    to: z.string().nullable().describe('Where it would lead; null where the state stays'),
    guard: z.string().nullable().describe('The guard that decides so; null where the state alone does'),
    code: z.string().nullable().describe('The error code with which it would be refused'),
    message: z.string().nullable().describe('The sentence with which it would be refused'),
  })
  .meta({ id: 'Finding', description: 'What a chart would do with an event now' });

const place = {
  state: z.string(),
  awaits: z
    .object({ events: z.array(z.string()), until: instant })
    .nullable()
    .describe('The events that are waited for, and until when; null: none'),
  events: z.array(finding),
  record: anyObject.nullable().describe('Its record in the store; null to those who may not know'),
  mermaid: z.string().describe('The chart with its present state, in Mermaid'),
};

export const diskChart = z
  .object({
    disk,
    limit: digits,
    machine: z.literal('disk'),
    ...place,
    attachments: z.array(
      z.object({
        id: z.string(),
        mode: z.enum(['hot', 'cold']),
        since: instant,
        node: z.string().nullable(),
        vm_id: z.string().nullable(),
        target: z.string().nullable(),
        machine: z.literal('attachment'),
        ...place,
      }),
    ),
    history: z.object({
      since: z.int().describe('From this sequence on, no event of the disk is missing'),
      events: z.array(eventSchema.meta({ id: 'Event' })).describe('The newest, oldest first'),
    }),
  })
  .meta({ id: 'DiskChart' });

export const readiness = z
  .object({
    ready: z.boolean(),
    stopping: z
      .boolean()
      .describe(
        'Whether the service is told to stop: until it has, reads are answered and changes are refused',
      ),
    store: z
      .enum(['writable', 'full', 'failed'])
      .describe('`full`: until there is room again, only requests that free room are accepted'),
    pool: z.enum(['usable', 'failed']),
    nodes: z
      .object({ up: z.int(), down: z.int() })
      .describe('How many hypervisors can be reached, and how many not'),
  })
  .meta({ id: 'Readiness' });
