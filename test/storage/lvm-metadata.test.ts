import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import test from 'ava';
import { PdiskError } from '../../src/errors.ts';
import { hasMetadataLvm, metadataLvm, metadataTest } from './support/metadata-lvm.ts';
import { declarePoolSuite, failureOf, never, uuidsIn } from './support/pool-suite.ts';

if (hasMetadataLvm) {
  declarePoolSuite(test, {
    opens: false,
    many: 20,
    aborts: 6,
    async subject(t) {
      const meta = await metadataLvm(t, 40);
      return { pool: await meta.pool(), sizeOf: meta.sizeOf, leftOver: meta.volumes };
    },
  });
}

async function whyNot(opening: Promise<unknown>): Promise<string> {
  const error = await opening.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return error instanceof PdiskError ? `${error.code} ${error.message}` : String(error);
}

metadataTest('a failed start says in one sentence why the volume group cannot be used', async t => {
  const meta = await metadataLvm(t, 4);
  const missing = await whyNot(meta.pool({ vg: 'nope' }));
  t.is(
    missing,
    "POOL_UNAVAILABLE the pool cannot be used: there is no volume group nope; make it with 'vgcreate nope DEVICE'",
  );
  t.regex(
    await whyNot(meta.pool({ thinPool: 'thin' })),
    /there is no thin pool thin in the volume group meta/,
  );
  t.regex(
    await whyNot(meta.pool({ overcommit: 2 })),
    /overcommit is 2, but the volumes of lvm:meta are thick/,
  );
  t.is((await meta.lvm('vgs', '--noheadings', '-o', 'vg_tags', 'meta')).trim(), '');

  await meta.pool({ owner: 'one' });
  await meta.pool({ owner: 'one' });
  t.regex(
    await whyNot(meta.pool({ owner: 'two' })),
    /another pdisk uses the volume group meta: its tag is pdisk.owner=one, ours would be pdisk.owner=two/,
  );
  await meta.lvm('vgchange', '--quiet', '--deltag', 'pdisk.owner=one', 'meta');
  await meta.pool({ owner: 'two' });
});

metadataTest('if the store has disks, our tag must be on the volume group', async t => {
  const meta = await metadataLvm(t, 4);
  t.regex(
    await whyNot(meta.pool({ owner: 'one', expected: true })),
    /is not where the volumes of this pdisk's disks are.*run 'vgchange --addtag pdisk\.owner=one meta'/,
  );
  t.is((await meta.lvm('vgs', '--noheadings', '-o', 'vg_tags', 'meta')).trim(), '');
  await meta.lvm('vgchange', '--quiet', '--addtag', 'pdisk.owner=one', 'meta');
  await t.notThrowsAsync(meta.pool({ owner: 'one', expected: true }));
});

metadataTest('a start without lvm2 says so', async t => {
  const { createRunner } = await import('../../src/storage/command.ts');
  const meta = await metadataLvm(t, 4);
  const run = createRunner({ PATH: meta.directory });
  t.regex(await whyNot(meta.pool({ run })), /there is no program lvm; install the package lvm2/);
});

metadataTest('if two pools start at once in one volume group, at most one succeeds', async t => {
  const meta = await metadataLvm(t, 4);
  const starts = await Promise.allSettled([meta.pool({ owner: 'one' }), meta.pool({ owner: 'two' })]);
  t.true(starts.filter(({ status }) => status === 'fulfilled').length <= 1);
});

metadataTest('volumes that are not ours are neither listed nor removed, whatever their names', async t => {
  const meta = await metadataLvm(t, 8);
  const pool = await meta.pool();
  const [untagged, named] = [randomUUID(), 'pdisk-notes'];
  await meta.lvm('lvcreate', '--quiet', '--size', '1g', '--name', `pdisk-${untagged}`, 'meta');
  await meta.lvm('lvcreate', '--quiet', '--size', '1g', '--name', named, '--addtag', 'pdisk', 'meta');
  t.deepEqual(await uuidsIn(pool), []);
  await pool.delete(untagged, never());
  const error = await failureOf(t, pool.create(untagged, 1, never()));
  t.regex(error.message, /is there already, and is not ours/);
  t.deepEqual((await meta.volumes()).sort(), [`pdisk-${untagged}`, named].sort());
});

metadataTest('a volume with the name or tag of a disk that is not its volume is a stranger', async t => {
  const meta = await metadataLvm(t, 8);
  const pool = await meta.pool();
  const [renamed, copied] = [randomUUID(), randomUUID()];
  await pool.create(renamed, 1, never());
  await meta.lvm('lvrename', '--quiet', 'meta', `pdisk-${renamed}`, 'rescued');
  await meta.lvm('lvcreate', '--quiet', '--size', '1g', '--name', `pdisk-${copied}_copy`, 'meta');
  await meta.lvm('lvcreate', '--quiet', '--size', '1g', '--name', 'home', 'meta');
  t.deepEqual(await pool.list(), []);
  const bytes = 2 ** 30;
  const byName = (await pool.strangers()).map(stranger => [stranger.name, stranger] as const);
  t.deepEqual(Object.fromEntries(byName), {
    rescued: { name: 'rescued', uuid: renamed, bytes },
    [`pdisk-${copied}_copy`]: { name: `pdisk-${copied}_copy`, uuid: copied, bytes },
  });
});

metadataTest('in a full volume group, a creation and a resize fail with POOL_FULL', async t => {
  const meta = await metadataLvm(t, 3);
  const pool = await meta.pool();
  const uuid = randomUUID();
  await pool.create(uuid, 2, never());
  t.is((await failureOf(t, pool.create(randomUUID(), 2, never()))).code, 'POOL_FULL');
  t.is((await failureOf(t, pool.resize(uuid, 4, never()))).code, 'POOL_FULL');
  t.is(await meta.sizeOf(uuid), 2 * 2 ** 30);
});

metadataTest('the promisable bytes are free space plus our volumes, without other volumes', async t => {
  const meta = await metadataLvm(t, 8);
  await meta.lvm('lvcreate', '--quiet', '--size', '3g', '--name', 'home', 'meta');
  await (await meta.pool()).create(randomUUID(), 2, never());
  t.is(await (await meta.pool()).promisableBytes(), 5 * 2 ** 30);
});

metadataTest('a volume group that another program has locked only delays a creation', async t => {
  const meta = await metadataLvm(t, 4);
  const pool = await meta.pool();
  const holder = spawn(
    '/usr/bin/flock',
    [join(meta.directory, 'lock', 'V_meta'), 'sh', '-c', 'echo held; cat'],
    {
      stdio: ['pipe', 'pipe', 'ignore'],
    },
  );
  await once(holder.stdout, 'data');
  const uuid = randomUUID();
  let made = false;
  const making = pool.create(uuid, 1, never()).then(() => {
    made = true;
  });
  const abort = new AbortController();
  const another = pool.create(randomUUID(), 1, abort.signal);
  abort.abort(new Error('deadline'));
  t.is((await failureOf(t, another)).code, 'POOL_BUSY');
  t.false(made);
  holder.stdin.end();
  await making;
  t.deepEqual(await uuidsIn(pool), [uuid]);
});

metadataTest('a reconciliation runs two processes, whatever the number of volumes', async t => {
  const meta = await metadataLvm(t, 4);
  const counts: number[] = [];
  for (const size of [10, 60]) {
    const there = (await meta.volumes()).length;
    for (let index = there; index < size; index += 1) {
      const uuid = randomUUID();
      const tags = ['--addtag', 'pdisk', '--addtag', `pdisk.uuid=${uuid}`];
      await meta.lvm('lvcreate', '--quiet', '--extents', '1', '--name', `pdisk-${uuid}`, ...tags, 'meta');
    }
    const pool = await meta.pool();
    const before = meta.programs();
    const [found] = await Promise.all([pool.list(), pool.use(), pool.promisableBytes()]);
    t.is(found.length, size);
    counts.push(meta.programs() - before);
  }
  t.deepEqual(counts, [2, 2]);
});
