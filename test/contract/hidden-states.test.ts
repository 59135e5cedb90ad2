// docs/api-contract.md: "a disk being created or deleted is in no list and unknown to every other call". The
// real disks and the real API, over a pool whose operations the test holds back.
import test, { type ExecutionContext } from 'ava';
import { errorOf } from '../../src/errors.ts';
import type { Pool } from '../../src/storage/pool.ts';
import { PASSWORD } from '../../testkit/http.ts';
import { until } from '../../testkit/until.ts';
import { startServer } from '../api/support/server.ts';
import { createSite } from '../disks/support/site.ts';

const form = { size: '1', tag: 'hidden', visibility: 'public' };
const on = { node: 'n1', vm_id: 'x' };

/** The API over a pool whose `make` and `remove` are replaced by these functions. */
async function serve(t: ExecutionContext, instead: (pool: Pool) => Partial<Pool>) {
  const site = await createSite(t, {}, { pool: pool => ({ ...pool, ...instead(pool) }) });
  const server = await startServer(t, Object.assign({ disks: new Map(), calls: [] }, site.disks.service));
  await server.ask('PUT', '/api/users/other', { form: { password: PASSWORD, role: 'user' } });
  const uuids = async () =>
    JSON.parse((await server.ask('GET', '/api/disks')).text).map((disk: { uuid: string }) => disk.uuid);
  return { ...server, site, uuids };
}

/** Asserts that every call about a disk is answered as if it did not exist. */
async function expectUnknown(
  t: ExecutionContext,
  ask: Awaited<ReturnType<typeof serve>>['ask'],
  uuid: string,
) {
  for (const as of ['test', 'cloud', 'admin']) {
    for (const [method, path, asked] of [
      ['GET', `/api/disks/${uuid}`, {}],
      ['HEAD', `/api/disks/${uuid}`, {}],
      ['DELETE', `/api/disks/${uuid}`, {}],
      ['PATCH', `/api/disks/${uuid}`, { form: { tag: 'x' } }],
      ['PUT', `/api/disks/${uuid}/limit`, { form: { limit: '2' } }],
      ['POST', `/api/resize/${uuid}`, { form: { size: '2' } }],
      ['POST', `/api/retry/${uuid}`, {}],
      ['POST', `/api/hotattach/${uuid}`, { form: on }],
      ['POST', `/api/hotdetach/${uuid}`, { form: on }],
      ['POST', `/api/attach/${uuid}`, { form: on }],
      ['GET', `/api/disks/${uuid}/libvirt?node=n1&vm_id=x`, {}],
    ] as const) {
      const { status, headers } = await ask(method, path, { as, ...asked });
      t.deepEqual([status, headers.get('x-error-code')], [400, 'DISK_UNKNOWN'], `${as} ${method} ${path}`);
    }
  }
}

/** The disk in the view `full`, or the error code. */
async function full(ask: Awaited<ReturnType<typeof serve>>['ask'], uuid: string, as = 'test') {
  const one = await ask('GET', `/api/disks/${uuid}?view=full`, { as });
  const list = await ask('GET', '/api/disks?view=full', { as });
  const listed = JSON.parse(list.text).filter((disk: { uuid: string }) => disk.uuid === uuid);
  return one.status === 200
    ? { one: JSON.parse(one.text), listed }
    : { one: one.headers.get('x-error-code'), listed };
}

/** A promise that stays pending until the test resolves it. */
function gate() {
  let open = (): void => {};
  const opened = new Promise<void>(resolve => {
    open = resolve;
  });
  return { opened, open: () => open() };
}

test('a disk being created is in no list and unknown to every call', async t => {
  const held = gate();
  const asked: string[] = [];
  const { ask, uuids } = await serve(t, pool => ({
    async create(uuid, ...rest) {
      asked.push(uuid);
      await held.opened;
      return pool.create(uuid, ...rest);
    },
  }));
  const creating = ask('POST', '/api/create', { as: 'test', form });
  const uuid = await until(() => asked[0], 'the volume to be asked for');
  t.deepEqual(await uuids(), []);
  await expectUnknown(t, ask, uuid);
  const seen = await full(ask, uuid);
  t.like(seen.one, { state: 'creating', waiting: { length: 1, 0: { for: 'pool', attachment: null } } });
  t.deepEqual(seen.listed, [seen.one]);
  t.deepEqual(await full(ask, uuid, 'other'), { one: 'DISK_UNKNOWN', listed: [] });
  held.open();
  t.is((await creating).text, `{"uuid":"${uuid}"}`);
  t.deepEqual(await uuids(), [uuid]);
});

test('a disk being deleted is in no list and unknown to every call', async t => {
  const held = gate();
  const asked: string[] = [];
  const { ask, uuids } = await serve(t, pool => ({
    async delete(uuid, signal) {
      asked.push(uuid);
      await held.opened;
      return pool.delete(uuid, signal);
    },
  }));
  const { uuid } = JSON.parse((await ask('POST', '/api/create', { as: 'test', form })).text);
  const deleting = ask('DELETE', `/api/disks/${uuid}`, { as: 'test' });
  await until(() => asked[0], 'the volume to be removed');
  t.deepEqual(await uuids(), []);
  await expectUnknown(t, ask, uuid);
  t.like((await full(ask, uuid)).one, { state: 'deleting', waiting: { 0: { for: 'pool' } } });
  t.is((await full(ask, uuid, 'other')).one, 'DISK_UNKNOWN');
  held.open();
  t.is((await deleting).status, 200);
});

test('a create that fails is 500, leaves no disk and no volume; one that cannot even be undone can be retried or deleted by its owner alone', async t => {
  let broken = true;
  let stuck = false;
  const { ask, uuids } = await serve(t, pool => ({
    async create(uuid, ...rest) {
      if (broken) throw errorOf('VOLUME_FAILED', { disk: uuid, detail: 'the disk under it is broken' });
      return pool.create(uuid, ...rest);
    },
    async delete(uuid, signal) {
      if (stuck) throw errorOf('REMOVE_FAILED', { disk: uuid, detail: 'it is stuck' });
      return pool.delete(uuid, signal);
    },
  }));
  const failed = await ask('POST', '/api/create', { as: 'test', form });
  t.deepEqual(
    [failed.status, failed.reason, failed.headers.get('x-error-code')],
    [500, 'Internal Server Error', 'VOLUME_FAILED'],
  );
  t.deepEqual(await uuids(), []);

  stuck = true;
  for (const way of ['retry', 'delete'] as const) {
    broken = true;
    stuck = true;
    const lost = await ask('POST', '/api/create', { as: 'test', form });
    t.is(lost.headers.get('x-error-code'), 'CREATE_NOT_UNDONE');
    const uuid = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(lost.text)?.[0] ?? '';
    t.deepEqual(await uuids(), []);
    const { reason, ...rest } = (await full(ask, uuid)).one;
    t.like(rest, { state: 'failed', waiting: [{ for: 'pool' }] });
    t.is(reason.code, 'VOLUME_FAILED');
    t.true(reason.message.includes('the disk under it is broken'));
    for (const [method, path] of [
      ['GET', `/api/disks/${uuid}`],
      ['POST', `/api/retry/${uuid}`],
      ['DELETE', `/api/disks/${uuid}`],
    ] as const)
      t.is((await ask(method, path, { as: 'cloud' })).headers.get('x-error-code'), 'DISK_UNKNOWN', method);
    broken = false;
    // The undo is retried automatically, and must not come before the owner's request.
    stuck = way === 'retry';
    if (way === 'retry') t.is((await ask('POST', `/api/retry/${uuid}`, { as: 'test' })).status, 200);
    t.deepEqual(await uuids(), way === 'retry' ? [uuid] : []);
    stuck = false;
    t.is((await ask('DELETE', `/api/disks/${uuid}`, { as: 'test' })).status, 200);
    t.deepEqual(await uuids(), []);
  }
});
