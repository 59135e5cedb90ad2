import { z } from 'zod';
import { driftKinds } from '../../disks/drift/drift-kinds.ts';
import { causeKinds, changeTypes } from '../../store/records.ts';
import { detailsSchema } from './detail-schema.ts';

const instant = z.iso.datetime().describe('RFC 3339, in UTC');

export const diskSchema = z
  .object({
    users: z.string(),
    created: z.string().describe('YYYY/MM/DD HH:MM:SS, in UTC'),
    visibility: z.enum(['private', 'public']),
    tag: z.string(),
    owner: z.string(),
    uuid: z.uuid(),
    size: z.string().describe('GiB'),
  })
  .describe('A disk, as GET /api/disks/:uuid shows it');

const known = <Key extends string>(table: Readonly<Record<Key, string>>) => {
  const keys = Object.keys(table) as Key[];
  return z.enum(keys).describe(keys.map(key => `${key}: ${table[key]}`).join('\n'));
};

const attachment = z
  .object({
    id: z.string(),
    mode: z.enum(['hot', 'cold']),
    node: z.string().nullable().describe('The hypervisor in charge; null to those who may not know'),
    vm_id: z.string().nullable().describe('null to those who may not know'),
    target: z
      .string()
      .nullable()
      .describe('vda to vdz; null while none is promised, and to those who may not know'),
  })
  .describe('The attachment whose change this is');

/** An event on the stream: CloudEvents 1.0 with a numeric `sequence`. */
export const eventSchema = z
  .object({
    specversion: z.literal('1.0'),
    id: z.string().describe('The sequence, as text'),
    source: z.literal('/api/disks'),
    type: known(changeTypes),
    subject: z.uuid().describe('UUID of the disk'),
    time: instant,
    sequence: z.int().positive().describe('One more than the sequence of the change before it, on any disk'),
    datacontenttype: z.literal('application/json'),
    data: z.object({
      disk: diskSchema.nullable().describe('After the change; null where an attachment outlived its disk'),
      attachment: attachment.nullable().describe('null: a change of the disk itself'),
      from: z
        .string()
        .nullable()
        .describe('State of the disk or attachment before; null: this is its first state'),
      to: z.string().describe('State after'),
      cause: z.object({
        kind: known(causeKinds),
        request: z.string().optional().describe('X-Request-Id of the request'),
        account: z.string().optional().describe('The account that sent the request'),
        reason: z
          .string()
          .optional()
          .describe('Why, in the words of an administrator who vouched for what could not be proved'),
      }),
      reason: z
        .object({ code: z.string().describe('As in X-Error-Code'), message: z.string() })
        .nullable()
        .describe('What went wrong; null where nothing did, and to those who may not know'),
      progress: z
        .int()
        .nullable()
        .describe("Percent of a deleted disk's volume that is wiped; null for others"),
      deadline: instant
        .nullable()
        .describe('Until when the pool, a node or the guest is waited for; null: nothing is waited for'),
    }),
  })
  .describe('A change that is on disk');

const sequence = z.int().min(0);

export const bookmarkSchema = z
  .object({ control: z.literal('bookmark'), sequence })
  .describe('Everything up to here has been sent; ?since= this sequence goes on after it');

export const snapshotSchema = z
  .object({
    control: z.literal('snapshot'),
    sequence,
    disks: z
      .union([z.array(diskSchema), z.array(detailsSchema)])
      .describe('As GET /api/disks lists them: with `view=full` in the view `full`'),
    complete: z.boolean(),
  })
  .describe(
    'Some of the disks as they were at this sequence; `complete` is true with the last of them. Later events have happened after this sequence',
  );

export const resyncSchema = z
  .object({ control: z.literal('resync'), sequence })
  .describe(
    'The sequence asked for is no longer in the log, whose oldest event has this sequence; a snapshot follows',
  );

export const poolSchema = z
  .object({
    control: z.literal('pool'),
    sequence,
    what: z
      .enum(['data', 'metadata'])
      .describe('metadata: what a thin pool keeps about its blocks; it can run full first'),
    level: z
      .enum(['ok', 'high', 'full'])
      .describe(
        'high: time to extend the pool; full: from here on a thin pool promises nothing more; ok: below high again',
      ),
    percent: z.number().describe('How much of it is used'),
  })
  .describe(
    'The use of the pool has crossed a threshold; sent only to accounts of the roles service and admin, and again when a stream begins ' +
      'while the level is not ok. It is not an event and not in the log; the sequence is that of a bookmark',
  );

/** A difference between records, pool and domains, as GET /api/drift shows it. */
export const differenceSchema = z.object({
  kind: known(driftKinds),
  disk: z.string().nullable().describe('UUID of the disk'),
  node: z.string().nullable(),
  vm: z.string().nullable().describe("The domain's name, or the vm_id of the attachment"),
  domain: z.string().nullable().describe("libvirt's UUID of the VM"),
  since: instant.describe('Since when the difference exists; if that is not known, when it was first seen'),
  detail: z.string(),
  repair: z
    .string()
    .nullable()
    .describe('The request or other act that repairs it; null: pdisk repairs it by itself'),
});

export const driftSchema = z
  .object({
    control: z.literal('drift'),
    sequence,
    kind: known(driftKinds),
    count: z.int().min(0).describe('How many differences of this kind there are now'),
    came: z.array(differenceSchema).describe('Those that are new, a hundred at most'),
    gone: z.array(differenceSchema).describe('Those that have ended, a hundred at most'),
  })
  .describe(
    'What differs between records, pool and domains has changed; sent only to accounts of the roles service and admin. A stream ' +
      'begins with one such message for each kind that there is, with the count; GET /api/drift lists them. The sequence is that of a bookmark',
  );

/** An event on the stream. */
export type EventMessage = z.infer<typeof eventSchema>;
/** A message on the stream that is not an event. */
export type ControlMessage = z.infer<
  typeof bookmarkSchema | typeof snapshotSchema | typeof resyncSchema | typeof poolSchema | typeof driftSchema
>;
