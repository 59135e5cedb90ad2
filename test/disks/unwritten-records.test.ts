// Requests that are refused because of what is decided and not yet on disk: after a crash it may not be so.
import test from 'ava';
import { createLatch } from '../../src/lib/latch.ts';
import { createGroupCommit } from '../../src/store/group-commit.ts';
import type { Store } from '../../src/store/store.ts';
import { until } from '../../testkit/until.ts';
import { admin, cause, createSite } from './support/site.ts';
import { settle } from './support/world.ts';

/** A store whose writes wait while it is held. */
function holdable() {
  let gate: Promise<void> = Promise.resolve();
  let waiting = 0;
  const around = (store: Store): Store => {
    const write: Store['commit'] = async writes => {
      waiting += 1;
      await gate;
      waiting -= 1;
      await store.commit(writes);
    };
    return { ...store, ...createGroupCommit(write, () => {}) };
  };
  return {
    around,
    isWaiting: () => waiting > 0,
    hold() {
      const { opened, open } = createLatch();
      gate = opened;
      return open;
    },
  };
}

test('that a VM has no disks is answered only when the detach of the last one is on disk', async t => {
  const { around, isWaiting, hold } = holdable();
  const site = await createSite(t, { reconcileIntervalMs: 3_600_000 }, { store: around });
  const { service } = site.disks;
  const uuid = await site.create();
  const vm = { node: 'elsewhere', vmId: '1' };
  await service.attach(admin, uuid, vm, cause);
  const write = hold();
  const detached = service.detach(admin, vm, cause);
  await until(isWaiting, 'the detach to be written');

  const answered: string[] = [];
  const code = (answer: Promise<unknown>): Promise<string> =>
    answer.then(
      () => 'done',
      error => {
        answered.push(error.code);
        return error.code;
      },
    );
  const refused = [
    code(service.hotdetach(admin, uuid, vm, cause)),
    code(service.element(admin, uuid, vm, undefined, cause)),
    code(service.detach(admin, vm, cause)),
  ];
  await settle();
  await settle();
  t.deepEqual(answered, []);
  write();
  await detached;
  t.deepEqual(await Promise.all(refused), ['ATTACHMENT_UNKNOWN', 'ATTACHMENT_UNKNOWN', 'VM_HAS_NO_DISKS']);
});
