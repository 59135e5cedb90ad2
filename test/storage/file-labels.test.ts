import { randomUUID } from 'node:crypto';
import { appendFile, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { fileLabels } from '../../src/storage/file-labels.ts';
import type { DiskLabel } from '../../src/storage/label.ts';
import { until } from '../../testkit/until.ts';

const labelOf = (more: Partial<DiskLabel> = {}): DiskLabel => ({
  uuid: randomUUID(),
  owner: 'alice',
  ownerId: 'V1StGXR8_Z5jdHi6B-myT',
  tag: 'mail',
  visibility: 'private',
  sizeGiB: 1,
  limit: 1,
  created: 1_750_000_000_000,
  ...more,
});

async function place(t: ExecutionContext) {
  const directory = await mkdtemp(join(tmpdir(), 'pdisk-labels-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const warned: string[] = [];
  const open = (check = async () => {}) => fileLabels(directory, check, sentence => warned.push(sentence));
  /** What a process that starts now finds. */
  const found = async () => [...(await open().read()).values()];
  return { file: join(directory, '.pdisk-disks'), open, found, warned };
}

test('labels are there for the next process: the last one of each disk, and none of a disk that is gone', async t => {
  const { open, found } = await place(t);
  const [one, other, gone] = [labelOf({ tag: 'ü"\n\\' }), labelOf({ ownerId: undefined }), labelOf()];
  const all = new Map<string, DiskLabel>();
  const labels = open();
  await labels.begin(() => all.values());
  for (const label of [one, other, gone]) labels.put(label.uuid, label);
  labels.put(one.uuid, { ...one, tag: 'another' });
  labels.put(gone.uuid, undefined);
  await labels.close();
  const { ownerId: _, ...without } = other;
  t.deepEqual(await found(), [{ ...one, tag: 'another' }, without]);
});

test('a start puts right what differs from the records, whatever is in the file', async t => {
  const { file, open, found } = await place(t);
  const [one, other, stranger] = [labelOf(), labelOf(), labelOf()];
  const begin = async (...all: DiskLabel[]) => {
    const labels = open();
    await labels.begin(() => all);
    await labels.close();
  };
  await begin(one, other, stranger);
  t.deepEqual(await found(), [one, other, stranger]);
  const whole = await readFile(file, 'utf8');

  await begin({ ...one, limit: 2 }, other);
  t.deepEqual(await found(), [{ ...one, limit: 2 }, other]);

  for (const text of [
    '',
    whole.slice(0, -40),
    `${whole.slice(0, 90)}${whole.slice(99)}`,
    'x',
    `${whole}{}\n`,
  ]) {
    await writeFile(file, text);
    await begin(one, other, stranger);
    t.is(await readFile(file, 'utf8'), whole, JSON.stringify(text.slice(0, 20)));
  }
  await rm(file);
  await begin(one, other, stranger);
  t.is(await readFile(file, 'utf8'), whole);
});

test('a start that finds nothing to put right does not write', async t => {
  const { open } = await place(t);
  const all = [labelOf(), labelOf()];
  const first = open();
  await first.begin(() => all);
  await first.close();
  const second = open(async () => t.fail('the file was written anew'));
  await second.begin(() => all);
  await second.close();
  t.pass();
});

test('what a crash has left of an unfinished rewriting is removed at the next start', async t => {
  const { file, open, found } = await place(t);
  const all = [labelOf()];
  const labels = open();
  await labels.begin(() => all);
  await labels.close();
  await writeFile(`${file}.new`, 'half a li');
  const next = open();
  void next.begin(() => all);
  await next.close();
  await t.throwsAsync(readFile(`${file}.new`), { code: 'ENOENT' });
  t.deepEqual(await found(), all);
});

test('what a crash has cut off costs one label, and none of the others', async t => {
  const { file, open, found } = await place(t);
  const all = [labelOf(), labelOf()];
  const labels = open();
  await labels.begin(() => all);
  await labels.close();
  const { length } = await readFile(file);
  await truncate(file, length - 5);
  t.deepEqual(await found(), all.slice(0, 1));
  await appendFile(file, '\n');
  t.deepEqual(await found(), all.slice(0, 1));
});

test('labels whose file is removed, or cannot be written for a while, are all written later', async t => {
  const { file, open, found, warned } = await place(t);
  const all = new Map<string, DiskLabel>();
  let isAway = false;
  const labels = open(async () => {
    if (isAway) throw new Error('the directory is another one');
  });
  const put = (label: DiskLabel): void => {
    all.set(label.uuid, label);
    labels.put(label.uuid, label);
  };
  await labels.begin(() => all.values());
  put(labelOf());
  await until(async () => (await found()).length === 1, 'the first label');
  isAway = true;
  await rm(file);
  put(labelOf());
  await until(() => warned.length > 0, 'the warning');
  t.deepEqual(await found(), []);
  isAway = false;
  await until(async () => (await found()).length === 2, 'all labels');
  await labels.close();
  t.deepEqual(await found(), [...all.values()]);
});

test('a file with many old lines is written anew', async t => {
  const { file, open, found } = await place(t);
  const label = labelOf();
  const labels = open();
  await labels.begin(() => [label]);
  for (let limit = 1; limit <= 10_100; limit += 1) labels.put(label.uuid, { ...label, limit });
  await until(async () => (await readFile(file, 'utf8')).split('\n').length > 10_000, 'many lines');
  labels.put(label.uuid, label);
  await until(async () => (await readFile(file, 'utf8')).split('\n').length === 3, 'few lines');
  await labels.close();
  t.deepEqual(await found(), [label]);
});
