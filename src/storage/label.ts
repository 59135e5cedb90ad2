// A volume's bytes do not say whose they are. So the pool keeps a label of each disk beside its volume: what
// a record needs when it is made anew, because the store is lost. The store is the truth; a label may be some
// seconds behind, and is put right at every start.
import { z } from 'zod';

const label = z.object({
  uuid: z.uuid(),
  owner: z.string(),
  /** The id of the owner's account: the name of a deleted account may be used again. */
  ownerId: z.string().optional(),
  tag: z.string(),
  visibility: z.enum(['private', 'public']),
  sizeGiB: z.int().positive(),
  limit: z.int().positive(),
  /** When the disk was created, in milliseconds since 1970. */
  created: z.number(),
});

/** What the pool keeps of a disk beside its volume. */
export type DiskLabel = z.infer<typeof label>;

/** The labels of the disks of a pool. */
export interface Labels {
  /**
   * The label of a disk as it is now; undefined: the disk is gone. Returns at once: nothing that a client
   * waits for waits for labels. Never throws.
   */
  put(uuid: string, label: DiskLabel | undefined): void;
  /**
   * Puts right what differs from `all`, the labels of all disks as they are now. To be called once at start,
   * when the pool is claimed. Never rejects: what cannot be written is tried again.
   */
  begin(all: () => Iterable<DiskLabel>): Promise<void>;
  /** The labels as the pool has them, by the UUID of the disk. Throws the error of the operating system. */
  read(): Promise<ReadonlyMap<string, DiskLabel>>;
  /** Writes what was given so far, as far as possible. */
  close(): Promise<void>;
}

/** The label in a text; undefined where there is none. */
export function labelIn(text: string): DiskLabel | undefined {
  try {
    return label.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** The text of a label: the same for equal labels. */
export const textOfLabel = ({
  uuid,
  owner,
  ownerId,
  tag,
  visibility,
  sizeGiB,
  limit,
  created,
}: DiskLabel): string => JSON.stringify({ uuid, owner, ownerId, tag, visibility, sizeGiB, limit, created });
