import test from 'ava';
import { createGroupCommit, type Write } from '../../src/store/group-commit.ts';

/** A disk that takes one batch at a time; the test decides when each is written. */
function slowDisk() {
  const batches: { writes: readonly Write[]; done(): void; fail(error: Error): void }[] = [];
  const write = (writes: readonly Write[]): Promise<void> =>
    new Promise((resolve, reject) => batches.push({ writes, done: resolve, fail: reject }));
  return { batches, write };
}

const put = (key: string): Write[] => [{ key, value: key }];
const keysOf = (writes: readonly Write[] | undefined): string[] => writes?.map(({ key }) => key) ?? [];

test('changes that come during a write share the next one, in the order in which they came', async t => {
  const { batches, write } = slowDisk();
  const journal = createGroupCommit(write, () => {});
  const order: string[] = [];
  const note = (name: string) => (): void => void order.push(name);
  const first = journal.commit(put('a')).then(note('a'));
  const rest = ['b', 'c', 'd'].map(key => journal.commit(put(key)).then(note(key)));
  t.deepEqual(
    batches.map(({ writes }) => keysOf(writes)),
    [['a']],
  );
  batches[0]?.done();
  await first;
  t.deepEqual(keysOf(batches[1]?.writes), ['b', 'c', 'd']);
  batches[1]?.done();
  await Promise.all(rest);
  t.deepEqual(order, ['a', 'b', 'c', 'd']);
  t.is(batches.length, 2);
});

test('flushed resolves at once when no change is pending, else with the last pending one', async t => {
  const { batches, write } = slowDisk();
  const journal = createGroupCommit(write, () => {});
  await journal.flushed();
  let flushed = false;
  const first = journal.commit(put('a'));
  const last = journal.commit(put('b'));
  const all = journal.flushed().then(() => {
    flushed = true;
  });
  batches[0]?.done();
  await first;
  t.false(flushed);
  batches[1]?.done();
  await Promise.all([last, all]);
  t.true(flushed);
});

test('after a failed write nothing is accepted, and the failure is reported once', async t => {
  const { batches, write } = slowDisk();
  const told: string[] = [];
  const journal = createGroupCommit(write, error => told.push(error.message));
  const first = journal.commit(put('a'));
  const second = journal.commit(put('b'));
  batches[0]?.fail(new Error('EIO'));
  await t.throwsAsync(first, { message: 'EIO' });
  await t.throwsAsync(second, { message: 'EIO' });
  await t.throwsAsync(journal.commit(put('c')), { message: 'EIO' });
  await t.throwsAsync(journal.flushed(), { message: 'EIO' });
  t.is(batches.length, 1);
  t.deepEqual(told, ['EIO']);
});
