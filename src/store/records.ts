import { z } from 'zod';

/**
 * What is kept of each disk and attachment: our own versioned JSON, not XState's snapshots, whose shape belongs to the library.
 * `context` is nested so that no field of it can stand in for `state`. A renamed state or field needs a new `v` and a migration
 * here.
 */
const vm = z.object({
  host: z.string(),
  node: z.string(),
  names: z.array(z.string()),
  domain: z.string().nullable(),
});

const diskRecord = z.object({
  v: z.literal(1),
  state: z.enum(['creating', 'available', 'attached', 'hot-attached', 'deleting', 'failed']),
  context: z.object({
    uuid: z.uuid(),
    owner: z.string(),
    tag: z.string(),
    visibility: z.enum(['private', 'public']),
    sizeGiB: z.int().positive(),
    limit: z.int().positive(),
    created: z.number(),
    users: z.array(z.object({ attachment: z.string(), vm, mode: z.enum(['hot', 'cold']) })),
    attempt: z.int(),
    deadline: z.number().nullable(),
    undo: z.object({ code: z.string(), detail: z.string() }).nullable(),
  }),
});

const attachmentRecord = z.object({
  v: z.literal(1),
  state: z.enum(['attaching', 'attached', 'hot-attached', 'detaching', 'unclaimed']),
  context: z.object({
    id: z.string(),
    disk: z.uuid(),
    node: z.string(),
    vmId: z.string(),
    vm,
    by: z.string(),
    mode: z.enum(['hot', 'cold']),
    target: z.string().nullable(),
    shareable: z.boolean(),
    since: z.number(),
    attempt: z.int(),
    deadline: z.number().nullable(),
    undo: z.boolean(),
    migrated: z.boolean(),
  }),
});

const nodeRecord = z.object({ v: z.literal(1), key: z.string(), hostUuid: z.string() });

/** A change that is in the log: published only after its batch is on disk, in the order of `sequence`. */
const eventRecord = z.object({
  v: z.literal(1),
  sequence: z.int().positive(),
  /** Milliseconds since 1970. */
  time: z.number(),
  type: z.string(),
  disk: z.string(),
  attachment: z.string().nullable(),
  from: z.string().nullable(),
  to: z.string(),
  cause: z.object({ kind: z.string(), request: z.string().optional(), account: z.string().optional() }),
});

export type DiskRecord = z.infer<typeof diskRecord>;
export type AttachmentRecord = z.infer<typeof attachmentRecord>;
export type NodeRecord = z.infer<typeof nodeRecord>;
export type EventRecord = z.infer<typeof eventRecord>;

export const codecs = {
  disk: diskRecord,
  attachment: attachmentRecord,
  node: nodeRecord,
  event: eventRecord,
};
