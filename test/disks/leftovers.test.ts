// Volumes without records: what administrators do with them, on the actor system with a pool that only stores
// names.
import test from 'ava';
import { diskKey } from '../../machines/notes.ts';
import type { Caller } from '../../src/accounts/caller.ts';
import { watchVolumes } from '../../src/disks/drift/volumes.ts';
import { createLeftoverService } from '../../src/disks/services/leftover-service.ts';
import type { VolumeEntry } from '../../src/storage/pool.ts';
import { holderOf, standInHolders } from './support/holders.ts';
import { createWorld, settle } from './support/world.ts';

const UUID = 'eb198dec-3560-4a9a-b3b4-5f043410a3dd';
const admin: Caller = { account: 'admin', role: 'admin' };
const cause = { kind: 'request' } as const;
const GIB = 2 ** 30;
const adoption = { owner: 'alice', tag: 'found', visibility: 'private' as const };

function site({ wipes = true, entry = {} }: { wipes?: boolean; entry?: Partial<VolumeEntry> } = {}) {
  const world = createWorld(new Map(), { instantDisk: true });
  const stand = standInHolders();
  const names = new Map<string, VolumeEntry>([
    [UUID, { uuid: UUID, bytes: 2 * GIB, createdMs: 500, ...entry }],
  ]);
  const pool = { wipes, list: async () => [...names.values()], strangers: async () => [] };
  const written: unknown[] = [];
  const dead = new Set<string>();
  const volumes = watchVolumes({
    pool,
    bornMs: async () => undefined,
    groupCommit: { commit: async writes => void written.push(...writes), flushed: async () => {} },
    decided: world.decided,
    known: [],
    time: () => 1000,
  });
  const service = createLeftoverService({
    system: world.system,
    decided: world.decided,
    pool,
    hypervisor: { hostOf: key => key },
    now: () => world.clock.now,
    time: () => 1000,
    questionMs: 60_000,
    userLimit: 1,
    quotaOf: () => ({ disks: 1, sizeGiB: 1 }),
    accountNamed: name => (name === 'alice' ? { name, id: 'id of alice' } : undefined),
    volumes,
    hosts: { candidates: () => ['n1', ...stand.silent.keys()].filter(node => !dead.has(node)) },
    lookAt: async () => {},
    ...stand,
  });
  /** The next effect of this name, once the chart has asked for it. */
  async function effect(name: string) {
    for (;;) {
      const work = world.works.shift();
      if (work?.note.name === name) return work;
      if (!work) await settle();
    }
  }
  return { ...world, ...stand, dead, service, names, effect };
}

test('a leftover is listed with its size, its age, whether it was written to, and its holders', async t => {
  const { service, live } = site({ entry: { writtenBytes: 0 } });
  live.push(holderOf(UUID), holderOf('another'));
  const found = await service.list({ account: 'cloud', role: 'service' });
  const volume = { uuid: UUID, bytes: 2 * GIB, createdMs: 500, since: 1000, writtenBytes: 0 };
  t.deepEqual(found, [{ ...volume, holders: [holderOf(UUID)] }]);
  await t.throwsAsync(service.list({ account: 'alice', role: 'user' }), { code: 'FORBIDDEN' });
});

test('an adopted leftover is a disk of that account, with the size and age of its volume', async t => {
  const { service, decided, published } = site();
  t.deepEqual(await service.adopt(admin, UUID, adoption, cause), { overQuota: true });
  const disk = decided.disk(UUID);
  t.is(disk?.state, 'available');
  t.like(disk?.context, {
    owner: 'alice',
    ownerId: 'id of alice',
    tag: 'found',
    sizeGiB: 2,
    created: 500,
    limit: 1,
  });
  t.deepEqual(
    published.map(({ type, subject }) => [type, subject]),
    [['disk.adopted', UUID]],
  );
  t.deepEqual(await service.list(admin), []);
  await t.throwsAsync(service.adopt(admin, UUID, adoption, cause), { code: 'LEFTOVER_UNKNOWN' });
  await t.throwsAsync(service.remove(admin, UUID, cause), { code: 'LEFTOVER_UNKNOWN' });
});

test('a leftover of an odd size counts as the next larger GiB', async t => {
  const { service, decided } = site({ entry: { bytes: GIB + 1 } });
  await service.adopt(admin, UUID, adoption, cause);
  t.is(decided.disk(UUID)?.context.sizeGiB, 2);
});

test('only administrators decide about leftovers, and only about those that exist', async t => {
  const { service, decided } = site();
  for (const role of ['user', 'service'] as const) {
    const caller = { account: 'alice', role };
    await t.throwsAsync(service.adopt(caller, UUID, adoption, cause), { code: 'FORBIDDEN' });
    await t.throwsAsync(service.remove(caller, UUID, cause), { code: 'FORBIDDEN' });
  }
  const nobodys = { ...adoption, owner: 'nobody' };
  await t.throwsAsync(service.adopt(admin, UUID, nobodys, cause), { code: 'ACCOUNT_UNKNOWN' });
  await t.throwsAsync(service.adopt(admin, 'other', adoption, cause), { code: 'LEFTOVER_UNKNOWN' });
  await t.throwsAsync(service.remove(admin, 'other', cause), { code: 'LEFTOVER_UNKNOWN' });
  t.is(decided.disk(UUID), undefined);
});

test('a leftover that is removed is wiped first, like a deleted disk', async t => {
  const { service, decided, names, effect, published, faults } = site();
  await service.remove(admin, UUID, cause);
  t.is(decided.disk(UUID)?.state, 'wiping');
  t.deepEqual(await service.list(admin), []);
  (await effect('wipeVolume')).bring({ type: 'WIPED', attempt: 1, bytes: 2 * GIB, of: 2 * GIB });
  const removal = await effect('deleteVolume');
  names.delete(UUID);
  removal.bring({ type: 'VOLUME_DELETED', attempt: 2 });
  await settle();
  t.is(decided.disk(UUID), undefined);
  t.deepEqual(
    published.map(({ type }) => type),
    ['disk.discarded', 'disk.wiping', 'disk.wiped'],
  );
  t.deepEqual(faults, []);
});

test('where nothing needs wiping, the volume is gone when the call answers', async t => {
  const { service, decided, effect, names } = site({ wipes: false });
  const removed = service.remove(admin, UUID, cause);
  const removal = await effect('deleteVolume');
  names.delete(UUID);
  removal.bring({ type: 'VOLUME_DELETED', attempt: 1 });
  await removed;
  t.is(decided.disk(UUID), undefined);
  t.deepEqual(await service.list(admin), []);
});

test('a removal that has begun goes on after a crash', async t => {
  const { service, disk, names } = site();
  await service.remove(admin, UUID, cause);
  const again = createWorld(disk, { instantDisk: true });
  void again.send(diskKey(UUID), { type: 'RESUME' });
  await settle();
  t.is(again.works[0]?.note.name, 'wipeVolume');
  t.true(names.has(UUID));
});

test('a volume that a live domain has is not removed, whatever its record says', async t => {
  const { service, decided, live, works } = site();
  live.push(holderOf(UUID));
  const error = await t.throwsAsync(service.remove(admin, UUID, cause), { code: 'DISK_IN_USE' });
  t.regex(error?.message ?? '', /domain 'one-1' on node 'n1' has it as vdb/);
  t.is(decided.disk(UUID), undefined);
  t.deepEqual(works, []);
  live.length = 0;
  await service.remove(admin, UUID, cause);
  t.is(decided.disk(UUID)?.state, 'wiping');
});

test('while a node is silent nothing is removed, and the error names the node and what to do', async t => {
  const { service, decided, silent, dead, works } = site();
  silent.set('n2', 'no route to host');
  const error = await t.throwsAsync(service.remove(admin, UUID, cause), { code: 'NODES_SILENT' });
  t.regex(error?.message ?? '', /node 'n2' does not tell \(no route to host\).*declare-dead/);
  t.is(decided.disk(UUID), undefined);
  t.deepEqual(works, []);
  dead.add('n2');
  await service.remove(admin, UUID, cause);
  t.is(decided.disk(UUID)?.state, 'wiping', 'a node that was declared dead holds up nothing');
});

test('a volume that somebody changed, or an empty one, is left as it is', async t => {
  const converted = site({ entry: { obstacle: 'has a snapshot' } });
  for (const asked of [
    () => converted.service.adopt(admin, UUID, adoption, cause),
    () => converted.service.remove(admin, UUID, cause),
  ]) {
    const error = await t.throwsAsync(asked(), { code: 'LEFTOVER_UNUSABLE' });
    t.regex(error?.message ?? '', /has a snapshot/);
  }
  const empty = site({ entry: { bytes: 0 } });
  await t.throwsAsync(empty.service.adopt(admin, UUID, adoption, cause), { code: 'LEFTOVER_UNUSABLE' });
  await empty.service.remove(admin, UUID, cause);
  t.is(empty.decided.disk(UUID)?.state, 'wiping');
});

test('of two concurrent decisions about one volume one is refused', async t => {
  const { service, decided } = site();
  const outcomes = await Promise.allSettled([
    service.remove(admin, UUID, cause),
    service.adopt(admin, UUID, adoption, cause),
  ]);
  t.deepEqual(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'rejected'],
  );
  t.is(decided.disk(UUID)?.state, 'wiping');
});
