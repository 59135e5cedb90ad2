import { attachmentKey, diskKey } from '../../../machines/notes.ts';
import type { Vm } from '../../../machines/vm.ts';
import type { EffectNote } from '../../../src/disks/actors/step.ts';
import { createActorSystem, type DeliveryResult } from '../../../src/disks/actors/system.ts';
import { createListingIndex } from '../../../src/disks/records/listing-index.ts';
import { createRecordIndex } from '../../../src/disks/records/record-index.ts';
import {
  isHeld,
  type Message,
  type StoredAttachment,
  type StoredDisk,
  type StoredRecord,
} from '../../../src/disks/records/records.ts';
import { createGroupCommit, type GroupCommit, type Write } from '../../../src/store/group-commit.ts';
import type { EventRecord } from '../../../src/store/records.ts';

/** One batch on its way to the disk; a test decides when it arrives, and whether it fails. */
export interface Batch {
  readonly writes: readonly Write[];
  arrive(): void;
  fail(error: Error): void;
}

/** An effect in progress; a test decides its result. */
export interface Work {
  readonly note: EffectNote;
  readonly signal: AbortSignal;
  bring(message: Message): void;
}

/** The deadlines of all charts, in milliseconds of the simulated clock. */
export const timeouts = {
  creating: 1000,
  deleting: 1000,
  growing: 1000,
  wiping: 1000,
  attaching: 1000,
  detaching: 1000,
  claiming: 10_000,
};
const cause = { kind: 'request' } as const;

/** The run of every VM here. */
export const RUN = { host: 'host of n', id: 1 };

/** A VM of this name on node `n`. */
export const vmOf = (name: string): Vm => ({
  host: 'n',
  node: 'n',
  names: [name],
  domain: `domain of ${name}`,
});

/** Lets all pending promises settle. */
export const settle = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

/**
 * The actor system with a disk and an outside that the test controls: `batches` and `works` hold what is
 * pending. `kept` is what a crash leaves; a world that is created from it has been started again.
 */
export function createWorld(kept: ReadonlyMap<string, unknown> = new Map(), { instantDisk = false } = {}) {
  const disk = new Map(kept);
  const batches: Batch[] = [];
  const works: Work[] = [];
  const published: EventRecord[] = [];
  const faults: Error[] = [];
  const clock = { now: 0 };

  const write = (writes: readonly Write[]): Promise<void> =>
    new Promise((resolve, reject) => {
      const arrive = (): void => {
        for (const { key, value } of writes) value === undefined ? disk.delete(key) : disk.set(key, value);
        resolve();
      };
      if (instantDisk) arrive();
      else batches.push({ writes, arrive, fail: reject });
    });
  const groupCommit: GroupCommit = createGroupCommit(write, () => {});
  const indexes = { decided: createRecordIndex(), committed: createListingIndex() };
  let lastSequence = 0;
  for (const [key, value] of kept) {
    if (key.startsWith('event/')) lastSequence = Math.max(lastSequence, (value as EventRecord).sequence);
    else for (const index of [indexes.decided, indexes.committed]) index.set(key, value as StoredRecord);
  }
  const system = createActorSystem({
    groupCommit,
    effects: (note, signal) => new Promise(resolve => works.push({ note, signal, bring: resolve })),
    ...indexes,
    lastSequence,
    timeouts,
    now: () => clock.now,
    time: () => clock.now,
    publish: events => published.push(...events),
    fault: error => faults.push(error),
  });

  return {
    ...indexes,
    system,
    disk,
    batches,
    works,
    published,
    faults,
    clock,
    create(uuid: string, limit = 1, until: string | undefined = diskKey(uuid)): Promise<DeliveryResult> {
      const birth = { uuid, owner: 'alice', tag: '', visibility: 'private' as const, sizeGiB: 1, limit };
      return system.deliver(
        [
          {
            to: diskKey(uuid),
            event: { type: 'CREATE', ...birth, roomGiB: 100, quotaLeft: { disks: 1, sizeGiB: 1024 } },
          },
        ],
        cause,
        until,
      );
    },
    hotattach(uuid: string, id: string, vm: Vm): Promise<DeliveryResult> {
      const taken = indexes.decided.attachmentsOf(vm).flatMap(one => one.context.target ?? []);
      const attachments = indexes.decided.attachmentsOf(vm).map(one => one.context.id);
      const birth = { id, disk: uuid, node: vm.host, vmId: vm.names[0] ?? '', vm, by: 'alice' };
      const now = { attachments, taken, isThere: false, holder: null, nodeIsDead: false };
      const event = { type: 'HOTATTACH' as const, ...birth, ...now };
      return system.deliver([{ to: diskKey(uuid), event }], cause, attachmentKey(id));
    },
    send(key: string, event: Message, until?: string): Promise<DeliveryResult> {
      return system.deliver([{ to: key, event }], cause, until);
    },
    /** Completes every pending batch, and what follows from it. */
    async arriveAll(): Promise<void> {
      await settle();
      for (let batch = batches.shift(); batch; batch = batches.shift()) {
        batch.arrive();
        await settle();
      }
    },
    /** The contradictions between records; empty if they agree. */
    differences(): string[] {
      return disagreements([...indexes.decided.disks()], [...indexes.decided.attachments()]);
    },
  };
}

/**
 * Every user of a disk has its attachment and every attachment its user; no target is used twice; no limit is
 * exceeded.
 */
function disagreements(disks: readonly StoredDisk[], attachments: readonly StoredAttachment[]): string[] {
  const found: string[] = [];
  const held = attachments.filter(isHeld);
  for (const { state, context } of disks) {
    const users = context.users.map(user => user.attachment).sort();
    const holders = held.filter(one => one.context.disk === context.uuid).map(one => one.context.id);
    if (users.join() !== holders.sort().join())
      found.push(`${context.uuid}: users ${users}, attachments ${holders}`);
    if (users.length > context.limit)
      found.push(`${context.uuid}: ${users.length} users, limit ${context.limit}`);
    if (users.length > 0 && !state.includes('attached') && state !== 'growing')
      found.push(`${context.uuid}: ${state} with users`);
  }
  const letters = held.map(one => `${one.context.vm.domain} ${one.context.target}`);
  for (const letter of letters) {
    if (letters.indexOf(letter) !== letters.lastIndexOf(letter)) found.push(`${letter} given twice`);
  }
  return found;
}
