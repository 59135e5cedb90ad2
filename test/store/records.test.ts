// How records of older and newer versions are read.
import test from 'ava';
import { keyKind } from '../../src/api/routes/idempotency.ts';
import { recordKinds } from '../../src/record-kinds.ts';
import { readRecord } from '../../src/store/record-kind.ts';
import { kinds } from '../../src/store/records.ts';
import * as old from './support/old-records.ts';

const at = { host: 'n1', node: 'qemu:///system' };

const disk = (value: unknown) => readRecord(kinds.disk, 'disk/x', value, '/db');
const attachment = (value: unknown) => readRecord(kinds.attachment, 'attachment/x', value, '/db');

test('the oldest disks are read with all that later ones have', t => {
  const { v, state, context } = disk(old.firstDisk);
  t.is(v, 2);
  t.is(state, 'hot-attached');
  t.like(context, { owner: 'alice', tag: 'mail', sizeGiB: 8, created: 1_750_000_000_000 });
  t.like(context, { grownFrom: null, failures: 0, repeatable: false, wiped: null });
  t.deepEqual(context.users, [{ attachment: 'V1StGXR8_Z5jdHi6B-myT', mode: 'hot' }]);
});

test('what an old disk has already is kept', t => {
  t.like(disk(old.growingDisk).context, { grownFrom: 4, failures: 2, wiped: null });
});

test('an attachment of the first version goes through every version that came after it', t => {
  const saved = attachment(old.firstAttachment);
  t.is(saved.v, 3);
  t.like(saved.context, { seen: 'saved', run: null, doubt: null, diverted: null, atWork: null });
  t.false('away' in saved.context);
  t.like(attachment(old.firstUndone).context, { seen: 'running', atWork: at });
});

test('a plug that was being undone may still be at work where its VM is', t => {
  t.deepEqual(attachment(old.secondUndone).context.atWork, at);
  t.deepEqual(attachment(old.secondAtWork).context.atWork, { host: 'n2', node: 'qemu+tcp://n2/system' });
  const { context } = old.secondUndone;
  t.is(attachment({ ...old.secondUndone, context: { ...context, undo: false } }).context.atWork, null);
  t.is(attachment({ ...old.secondUndone, context: { ...context, atWork: null } }).context.atWork, null);
});

test('nodes and Idempotency-Keys of the first version are read', t => {
  t.is(readRecord(kinds.node, 'node/n1', old.firstNode, '/db').dead, null);
  t.is(readRecord(keyKind, 'idempotency/x', old.firstKey, '/db').password, null);
});

test('what is stored and read again stays as it is', t => {
  for (const value of [disk(old.firstDisk), disk(old.growingDisk)]) t.deepEqual(disk(value), value);
  const attachments = [old.firstAttachment, old.firstUndone, old.secondUndone, old.secondAtWork].map(
    attachment,
  );
  for (const value of attachments) t.deepEqual(attachment(value), value);
});

test('the schema of each kind is the one of its present version', t => {
  for (const { name, schema, version } of recordKinds) {
    const { v } = (schema as unknown as { shape: { v: { value: number } } }).shape;
    t.is(v.value, version, name);
  }
});

test('a newer record is refused with both versions, and with what to do', t => {
  for (const kind of recordKinds) {
    const v = kind.version + 1;
    const { message } = t.throws(() => readRecord(kind, `${kind.prefix}x`, { v }, '/db')) ?? { message: '' };
    t.true(message.includes(`the record ${kind.prefix}x in /db is a ${kind.name} of version ${v}`), message);
    t.true(message.includes(`up to version ${kind.version}`), message);
    t.regex(message, /Run that one, or put back a backup/);
  }
});

test('what is no record of any version is damaged', t => {
  for (const value of [null, 1, 'x', [], {}, { v: 0 }, { v: '1' }, { v: 1.5 }, { v: 1, context: 7 }])
    t.throws(() => attachment(value), { message: /attachment\/x in \/db is damaged/ }, JSON.stringify(value));
});
