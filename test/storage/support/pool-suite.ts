// The tests that every kind of pool must pass.
import { randomUUID } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { ExecutionContext, TestFn } from 'ava';
import { PdiskError } from '../../../src/errors.ts';
import type { Pool } from '../../../src/storage/pool.ts';

interface Subject {
  readonly pool: Pool;
  /** The size of a volume in bytes, not read through the pool; undefined if there is no volume. */
  sizeOf(uuid: string): Promise<number | undefined>;
  /** The remains of all volumes; empty if there are none. */
  leftOver(): Promise<readonly string[]>;
}

/** The kind of pool to test. */
export interface SuiteOptions {
  /** Opens an empty pool; it is removed after the test. */
  readonly subject: (t: ExecutionContext) => Promise<Subject>;
  /** Whether volumes can be opened; false for LVM without device-mapper. */
  readonly opens: boolean;
  /** How many volumes of 1 GiB are made concurrently. */
  readonly many: number;
  /** How often a creation is aborted, a little later each time. */
  readonly aborts: number;
}

const GIB = 2 ** 30;
const MIB = 2 ** 20;

/** A signal that is never aborted. */
export const never = (): AbortSignal => new AbortController().signal;

/** The PdiskError with which a promise must fail. */
export async function failureOf(t: ExecutionContext, promise: Promise<unknown>): Promise<PdiskError> {
  return (await t.throwsAsync(promise, { instanceOf: PdiskError })) as PdiskError;
}

/**
 * Reads `bytes` from offset `at`. Opens the device anew, so that old contents of the page cache do not count.
 */
export async function readAt(path: string, at: number, bytes: number): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const { buffer } = await file.read(Buffer.alloc(bytes), 0, bytes, at);
    return buffer;
  } finally {
    await file.close();
  }
}

/** Writes a pattern at offset `at` and syncs it. */
export async function writeAt(path: string, at: number, pattern: Buffer): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.write(pattern, 0, pattern.length, at);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** The UUIDs of the disks that have a volume. */
export const uuidsIn = async (pool: Pool): Promise<readonly string[]> =>
  (await pool.list()).map(({ uuid }) => uuid);

/** Declares the suite's tests as serial ones, because they may share a volume group. */
export function declarePoolSuite(test: TestFn, { subject, opens, many, aborts }: SuiteOptions): void {
  test.serial('a new volume has the exact size, reads as zeros, and is listed', async t => {
    const { pool, sizeOf } = await subject(t);
    const uuid = randomUUID();
    await pool.create(uuid, 2, never());
    t.is(await sizeOf(uuid), 2 * GIB);
    const [entry] = await pool.list();
    t.is(entry?.uuid, uuid);
    t.is(entry?.bytes, 2 * GIB);
    t.is(entry?.obstacle, undefined);
    // The clock of a file system may be a little behind.
    const age = entry?.createdMs === undefined ? 0 : Date.now() - entry.createdMs;
    t.true(age > -2_000 && age < 3_600_000, `${age}`);
    t.deepEqual(await pool.strangers(), []);
    if (!opens) return;
    const { path } = pool.source(uuid);
    for (const at of [0, GIB, 2 * GIB - MIB]) t.true((await readAt(path, at, MIB)).every(byte => byte === 0));
  });

  test.serial('making a volume again is no error, but fails with another size', async t => {
    const { pool, sizeOf } = await subject(t);
    const uuid = randomUUID();
    await pool.create(uuid, 1, never());
    await pool.create(uuid, 1, never());
    const error = await failureOf(t, pool.create(uuid, 2, never()));
    t.is(error.code, 'VOLUME_FAILED');
    t.regex(error.message, /is there already/);
    t.is(await sizeOf(uuid), GIB);
  });

  test.serial('removing a volume is idempotent and leaves nothing', async t => {
    const { pool, leftOver } = await subject(t);
    const uuid = randomUUID();
    await pool.create(uuid, 1, never());
    await pool.delete(uuid, never());
    await pool.delete(uuid, never());
    t.deepEqual(await uuidsIn(pool), []);
    t.deepEqual(await leftOver(), []);
  });

  test.serial('a volume only grows, and keeps its contents', async t => {
    const { pool, sizeOf } = await subject(t);
    const uuid = randomUUID();
    await pool.create(uuid, 1, never());
    const { path } = pool.source(uuid);
    const pattern = Buffer.alloc(4096, 'kept');
    if (opens) await writeAt(path, GIB - 4096, pattern);
    for (const [asked, found] of [
      [2, 2],
      [2, 2],
      [1, 2],
    ] as const) {
      await pool.resize(uuid, asked, never());
      t.is(await sizeOf(uuid), found * GIB);
      t.is(await pool.sizeOf(uuid, never()), found * GIB);
    }
    if (!opens) return;
    t.deepEqual(await readAt(path, GIB - 4096, 4096), pattern);
    t.true((await readAt(path, GIB, MIB)).every(byte => byte === 0));
  });

  test.serial('growing and wiping a volume that does not exist fail', async t => {
    const { pool } = await subject(t);
    const uuid = randomUUID();
    t.is(await pool.sizeOf(uuid, never()), undefined);
    const error = await failureOf(t, pool.resize(uuid, 2, never()));
    t.is(error.code, 'GROW_FAILED');
    if (pool.wipes) t.is((await failureOf(t, pool.wipe(uuid, 0, never()))).code, 'WIPE_FAILED');
  });

  test.serial('an aborted creation can be undone at any moment, and leaves nothing', async t => {
    const { pool, leftOver } = await subject(t);
    for (let step = 0; step < aborts; step += 1) {
      const uuid = randomUUID();
      const abort = new AbortController();
      const making = pool.create(uuid, 1, abort.signal).catch((error: unknown) => error);
      await new Promise(resolve => setTimeout(resolve, step * 40));
      abort.abort(new Error('deadline'));
      const outcome = await making;
      if (outcome !== undefined)
        t.true(['VOLUME_FAILED', 'POOL_BUSY'].includes((outcome as PdiskError).code));
      await pool.delete(uuid, never());
      t.deepEqual(await leftOver(), []);
    }
  });

  test.serial('many volumes can be made and removed concurrently', async t => {
    const { pool, leftOver } = await subject(t);
    const uuids = Array.from({ length: many }, () => randomUUID());
    await Promise.all(uuids.map(uuid => pool.create(uuid, 1, never())));
    t.deepEqual([...(await uuidsIn(pool))].sort(), [...uuids].sort());
    await Promise.all(uuids.map(uuid => pool.delete(uuid, never())));
    t.deepEqual(await uuidsIn(pool), []);
    t.deepEqual(await leftOver(), []);
  });

  test.serial('making a volume does not change the promisable bytes', async t => {
    const { pool } = await subject(t);
    const before = await pool.promisableBytes();
    t.true(before >= GIB);
    await pool.create(randomUUID(), 1, never());
    // Other programs may use the same file system.
    t.true(Math.abs((await pool.promisableBytes()) - before) < GIB);
  });
}
