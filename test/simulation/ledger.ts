// The event log as a client keeps it: the state of every disk and attachment is rebuilt from events alone,
// and must be what the records say.
import { isDeepStrictEqual } from 'node:util';
import type { StoredAttachment, StoredDisk } from '../../src/disks/records/records.ts';
import { viewNow } from '../../src/disks/services/results.ts';
import type { Write } from '../../src/store/group-commit.ts';
import { prefixes } from '../../src/store/keys.ts';
import type { EventRecord } from '../../src/store/records.ts';
import type { DurableRecords } from './durable.ts';

interface DiskEntry {
  state: string;
  view: EventRecord['disk'];
}

interface AttachmentEntry {
  state: string;
  disk: string;
  view: EventRecord['attachment'];
}

/** The sum of all events so far. */
export interface Ledger {
  /** Adds what a batch has written: its events to the sum, which must then be what its records say. */
  add(writes: readonly Write[], records: DurableRecords): string[];
  /** All differences between the sum and the records, as sentences. */
  differences(records: DurableRecords): string[];
}

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? null));

/** An empty ledger. */
export function createLedger(): Ledger {
  const disks = new Map<string, DiskEntry>();
  const attachments = new Map<string, AttachmentEntry>();
  /** The last event of each actor. */
  const last = new Map<string, EventRecord>();
  let newest = 0;

  function addOne(event: EventRecord): string[] {
    const { sequence, subject, disk, attachment, from, to } = event;
    const wrong: string[] = [];
    if (sequence !== newest + 1) wrong.push(`event ${sequence} follows event ${newest}`);
    newest = sequence;
    const key = attachment?.id ?? subject;
    const known = (attachment ? attachments.get(key)?.state : disks.get(key)?.state) ?? null;
    // Two events of one step tell of one change.
    const before = last.get(key);
    const isSameChange = before?.sequence === sequence - 1 && before.from === from && before.to === to;
    if (from !== known && !isSameChange)
      wrong.push(`event ${sequence} comes from ${from}, and ${key} was ${known}`);
    last.set(key, event);
    if (attachment) {
      if (to === 'released') attachments.delete(attachment.id);
      else attachments.set(attachment.id, { state: to, disk: subject, view: attachment });
    } else if (to === 'deleted') disks.delete(subject);
    else disks.set(subject, { state: to, view: disk });
    if ((attachment && to === 'released') || (!attachment && to === 'deleted')) last.delete(key);
    return wrong;
  }

  function differ(what: string, sum: unknown, record: unknown): string[] {
    if (isDeepStrictEqual(plain(sum), plain(record))) return [];
    return [`${what}: events say ${JSON.stringify(sum)}, the record ${JSON.stringify(record)}`];
  }

  function ofDisk(uuid: string, record: StoredDisk | undefined): string[] {
    return differ(
      `disk ${uuid}`,
      disks.get(uuid),
      record && { state: record.state, view: viewNow(record.context) },
    );
  }

  function ofAttachment(id: string, record: StoredAttachment | undefined): string[] {
    const { disk, vm, vmId, target, mode, by, byId } = record?.context ?? {};
    const view = { id, node: vm?.host, vmId, target, mode, by, byId };
    return differ(`attachment ${id}`, attachments.get(id), record && { state: record.state, disk, view });
  }

  return {
    add(writes, records) {
      const wrong: string[] = [];
      for (const { key, value } of writes)
        if (key.startsWith(prefixes.event)) wrong.push(...addOne(value as EventRecord));
      for (const { key } of writes) {
        const [kind, id = ''] = key.split('/');
        if (kind === 'disk') wrong.push(...ofDisk(id, records.disk(id)));
        if (kind === 'attachment') wrong.push(...ofAttachment(id, records.attachment(id)));
      }
      return wrong;
    },
    differences(records) {
      const stored = new Map(records.disks().map(one => [one.context.uuid, one]));
      const held = new Map(records.attachments().map(one => [one.context.id, one]));
      return [
        ...[...new Set([...disks.keys(), ...stored.keys()])].flatMap(uuid => ofDisk(uuid, stored.get(uuid))),
        ...[...new Set([...attachments.keys(), ...held.keys()])].flatMap(id =>
          ofAttachment(id, held.get(id)),
        ),
      ];
    },
  };
}
