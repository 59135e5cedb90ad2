// What every kind of pool must do, whatever it is made of.
import { randomUUID } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { ExecutionContext, TestFn } from 'ava';
import { PdiskError } from '../../../src/errors.ts';
import type { Pool } from '../../../src/storage/pool.ts';

interface Subject {
  readonly pool: Pool;
  /** The size of a volume, as told by somebody else than the pool; undefined where there is none. */
  sizeOf(uuid: string): Promise<number | undefined>;
  /** Everything that is left of any volume; empty if nothing is. */
  leftOver(): Promise<readonly string[]>;
}

export interface SuiteOptions {
  /** Opens a fresh pool; it ends with the test. */
  readonly subject: (t: ExecutionContext) => Promise<Subject>;
  /** Whether volumes can be opened: not where LVM has no device-mapper. */
  readonly opens: boolean;
  /** How many volumes of 1 GiB are made at once. */
  readonly many: number;
  /** How often a creation is aborted, a little later each time. */
  readonly aborts: number;
}

const GIB = 2 ** 30;
const MIB = 2 ** 20;

export const never = (): AbortSignal => new AbortController().signal;

/** The PdiskError with which a promise must fail. */
export async function failureOf(t: ExecutionContext, promise: Promise<unknown>): Promise<PdiskError> {
  return (await t.throwsAsync(promise, { instanceOf: PdiskError })) as PdiskError;
}

/** Reads `bytes` from `at` on; past the page cache's old contents, for the device is opened anew. */
export async function readAt(path: string, at: number, bytes: number): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const { buffer } = await file.read(Buffer.alloc(bytes), 0, bytes, at);
    return buffer;
  } finally {
    await file.close();
  }
}

/** Writes a pattern there, durably. */
export async function writeAt(path: string, at: number, pattern: Buffer): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.write(pattern, 0, pattern.length, at);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Declares the suite's tests, serially: a volume group is a resource they share. */
export function declarePoolSuite(test: TestFn, { subject, opens, many, aborts }: SuiteOptions): void {
  test.serial('a volume is exactly as large as asked, zeros, and listed', async t => {
    const { pool, sizeOf } = await subject(t);
    const uuid = randomUUID();
    await pool.make(uuid, 2, never());
    t.is(await sizeOf(uuid), 2 * GIB);
    t.deepEqual(await pool.list(), [uuid]);
    if (!opens) return;
    const { path } = pool.source(uuid);
    for (const at of [0, GIB, 2 * GIB - MIB]) t.true((await readAt(path, at, MIB)).every(byte => byte === 0));
  });

  test.serial('making a volume again is no error, unless its size is another', async t => {
    const { pool, sizeOf } = await subject(t);
    const uuid = randomUUID();
    await pool.make(uuid, 1, never());
    await pool.make(uuid, 1, never());
    const error = await failureOf(t, pool.make(uuid, 2, never()));
    t.is(error.code, 'VOLUME_FAILED');
    t.regex(error.message, /is there already/);
    t.is(await sizeOf(uuid), GIB);
  });

  test.serial('removing a volume is idempotent and leaves nothing', async t => {
    const { pool, leftOver } = await subject(t);
    const uuid = randomUUID();
    await pool.make(uuid, 1, never());
    await pool.remove(uuid, never());
    await pool.remove(uuid, never());
    t.deepEqual(await pool.list(), []);
    t.deepEqual(await leftOver(), []);
  });

  test.serial('a volume only ever grows, and keeps what it holds', async t => {
    const { pool, sizeOf } = await subject(t);
    const uuid = randomUUID();
    await pool.make(uuid, 1, never());
    const { path } = pool.source(uuid);
    const pattern = Buffer.alloc(4096, 'kept');
    if (opens) await writeAt(path, GIB - 4096, pattern);
    for (const [asked, found] of [
      [2, 2],
      [2, 2],
      [1, 2],
    ] as const) {
      await pool.grow(uuid, asked, never());
      t.is(await sizeOf(uuid), found * GIB);
      t.is(await pool.sizeOf(uuid, never()), found * GIB);
    }
    if (!opens) return;
    t.deepEqual(await readAt(path, GIB - 4096, 4096), pattern);
    t.true((await readAt(path, GIB, MIB)).every(byte => byte === 0));
  });

  test.serial('a volume that is not there cannot grow, and counts as wiped', async t => {
    const { pool } = await subject(t);
    const uuid = randomUUID();
    t.is(await pool.sizeOf(uuid, never()), undefined);
    const error = await failureOf(t, pool.grow(uuid, 2, never()));
    t.is(error.code, 'GROW_FAILED');
    const wiped = await pool.wipe(randomUUID(), 0, never());
    t.is(wiped.bytes, wiped.of);
  });

  test.serial('an aborted creation can be undone at any moment, and leaves nothing', async t => {
    const { pool, leftOver } = await subject(t);
    for (let step = 0; step < aborts; step += 1) {
      const uuid = randomUUID();
      const abort = new AbortController();
      const making = pool.make(uuid, 1, abort.signal).catch((error: unknown) => error);
      await new Promise(resolve => setTimeout(resolve, step * 40));
      abort.abort(new Error('deadline'));
      const outcome = await making;
      if (outcome !== undefined) t.is((outcome as PdiskError).code, 'VOLUME_FAILED');
      await pool.remove(uuid, never());
      t.deepEqual(await leftOver(), []);
    }
  });

  test.serial('many volumes can be made and removed at once', async t => {
    const { pool, leftOver } = await subject(t);
    const uuids = Array.from({ length: many }, () => randomUUID());
    await Promise.all(uuids.map(uuid => pool.make(uuid, 1, never())));
    t.deepEqual([...(await pool.list())].sort(), [...uuids].sort());
    await Promise.all(uuids.map(uuid => pool.remove(uuid, never())));
    t.deepEqual(await pool.list(), []);
    t.deepEqual(await leftOver(), []);
  });

  test.serial('making and removing does not change what may be promised', async t => {
    const { pool } = await subject(t);
    const before = await pool.promisableBytes();
    t.true(before >= GIB);
    await pool.make(randomUUID(), 1, never());
    // Somebody else may use the same file system.
    t.true(Math.abs((await pool.promisableBytes()) - before) < GIB);
  });
}
