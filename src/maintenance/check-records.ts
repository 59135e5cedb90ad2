// Whether the records of a store are whole by themselves, and agree with each other.
import type { AccountRecord, TokenRecord } from '../accounts/record.ts';
import { isHeld, type StoredAttachment, type StoredDisk } from '../disks/records/records.ts';
import { recordKinds } from '../record-kinds.ts';
import { type Entry, readBackup } from '../store/backup.ts';
import { eventKey, prefixes } from '../store/keys.ts';
import { readRecord } from '../store/record-kind.ts';
import type { EventRecord } from '../store/records.ts';
import { demandKnown } from '../store/versions.ts';
import { type Findings, tellSome } from './findings.ts';

/** The records of a store, by key. Events are checked one by one and not kept. */
type Records = ReadonlyMap<string, unknown>;

const under = <Stored>(records: Records, prefix: string): Stored[] =>
  [...records].filter(([key]) => key.startsWith(prefix)).map(([, record]) => record as Stored);

/** The key under which a record should be. */
function keyOf(prefix: string, record: unknown): string | undefined {
  switch (prefix) {
    case prefixes.disk:
      return prefix + (record as StoredDisk).context.uuid;
    case prefixes.attachment:
      return prefix + (record as StoredAttachment).context.id;
    case prefixes.account:
      return prefix + (record as AccountRecord).name;
    case prefixes.token:
      return prefix + (record as TokenRecord).id;
    case prefixes.event:
      return eventKey((record as EventRecord).sequence);
    default:
      return undefined;
  }
}

/** Parses every record of a store; the result has those that could be read. */
async function parsed(pieces: AsyncIterable<string>, name: string, findings: Findings): Promise<Records> {
  const records = new Map<string, unknown>();
  const broken: string[] = [];
  const gaps: string[] = [];
  let newest: number | undefined;

  function take([key, value]: Entry): void {
    const kind = recordKinds.find(({ prefix }) => key.startsWith(prefix));
    if (!kind) {
      broken.push(`the record ${key} in ${name} is of no kind that this pdisk knows`);
      return;
    }
    try {
      const record = readRecord(kind, key, value, name);
      if ((keyOf(kind.prefix, record) ?? key) !== key)
        broken.push(
          `the record ${key} in ${name} is in the wrong place: it says ${keyOf(kind.prefix, record)}`,
        );
      if (kind.prefix !== prefixes.event) {
        records.set(key, record);
        return;
      }
      const { sequence } = record as EventRecord;
      if (newest !== undefined && sequence !== newest + 1)
        gaps.push(`the event log in ${name} has a gap between ${newest} and ${sequence}`);
      newest = sequence;
    } catch (error) {
      broken.push((error as Error).message.replaceAll(/\s+/g, ' '));
    }
  }

  await readBackup(pieces, name, {
    begin: ({ versions }) => demandKnown(versions, recordKinds, name),
    entries: entries => {
      for (const entry of entries) take(entry);
    },
  });
  tellSome(findings.fail, broken);
  tellSome(findings.fail, gaps);
  return records;
}

/** Whether each use of a disk is recorded with the disk and with the attachment. */
function compareUses(records: Records, findings: Findings): void {
  const attachments = under<StoredAttachment>(records, prefixes.attachment).filter(isHeld);
  const byId = new Map(attachments.map(one => [one.context.id, one]));
  const disks = under<StoredDisk>(records, prefixes.disk);
  const users = new Map(disks.map(({ context }) => [context.uuid, context.users]));
  tellSome(
    findings.fail,
    disks.flatMap(({ context: { uuid, users } }) =>
      users
        .filter(user => byId.get(user.attachment)?.context.disk !== uuid)
        .map(user => `the disk ${uuid} has the user ${user.attachment}, which is no attachment of it`),
    ),
  );
  tellSome(
    findings.fail,
    attachments
      .filter(({ context: { id, disk } }) => !users.get(disk)?.some(user => user.attachment === id))
      .map(({ context: { id, disk } }) => `the attachment ${id} is not among the users of the disk ${disk}`),
  );
}

/** Whether the accounts of disks and tokens are there. */
function compareAccounts(records: Records, findings: Findings): void {
  const accounts = new Map(under<AccountRecord>(records, prefixes.account).map(one => [one.name, one.id]));
  if (![...under<AccountRecord>(records, prefixes.account)].some(({ role }) => role === 'admin'))
    findings.warn('there is no account of an administrator; the next start makes one if there is no account');
  const isThere = (name: string, id: string | undefined): boolean =>
    accounts.has(name) && accounts.get(name) === id;
  const ownerless = under<StoredDisk>(records, prefixes.disk).filter(
    ({ state, context: { owner, ownerId } }) =>
      state !== 'wiping' && owner !== '' && !isThere(owner, ownerId),
  );
  tellSome(
    findings.warn,
    ownerless.map(
      ({ context: { uuid, owner } }) => `the disk ${uuid} is of '${owner}', and that account is gone`,
    ),
  );
  const tokens = under<TokenRecord>(records, prefixes.token);
  const orphans = tokens.filter(({ account, accountId }) => !isThere(account, accountId));
  tellSome(
    findings.warn,
    orphans.map(({ id, account }) => `the token ${id} is of '${account}', and that account is gone`),
  );
}

/**
 * Checks all records of a store, given as the text of a backup; resolves with its disks. Throws a sentence if
 * they cannot be read at all.
 */
export async function checkRecords(
  pieces: AsyncIterable<string>,
  name: string,
  findings: Findings,
): Promise<readonly StoredDisk[]> {
  const records = await parsed(pieces, name, findings);
  compareUses(records, findings);
  compareAccounts(records, findings);
  return under<StoredDisk>(records, prefixes.disk);
}
