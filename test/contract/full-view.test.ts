// GET with view=full: numbers are numbers, times are RFC 3339, and disks that are being created or deleted
// are shown too.
import test from 'ava';
import { gate } from '../../testkit/latch.ts';
import { until } from '../../testkit/until.ts';
import { subscribe } from '../events/support/subscriber.ts';
import { type Site, startSite, type Who } from './support/site.ts';

let site: Site;
test.before(async () => {
  site = await startSite();
});
test.after.always(() => site?.end());

const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

async function full(uuid: string, as: Who = 'alice') {
  const { text, code } = await site.ask('GET', `/api/disks/${uuid}?view=full`, { as });
  return code === 200 ? JSON.parse(text) : code;
}

test('a disk that nobody uses', async t => {
  const uuid = await site.create('alice', 'private', 2);
  const { created, ...rest } = await full(uuid);
  t.regex(created, RFC_3339);
  t.deepEqual(rest, {
    uuid,
    tag: 'a disk',
    owner: 'alice',
    visibility: 'private',
    size: 2,
    state: 'available',
    reason: null,
    limit: 1,
    users: 0,
    remaining: 1,
    attachments: [],
    waiting: [],
    wiped: null,
  });
});

test('a disk on a VM, with who attached it, where and since when', async t => {
  const uuid = await site.create('alice');
  const vm_id = site.addVm();
  await site.ask('POST', `/api/hotattach/${uuid}`, { as: 'alice', form: { node: 'N1', vm_id } });
  const { attachments, ...disk } = await full(uuid);
  t.like(disk, { state: 'hot-attached', users: 1, remaining: 0, waiting: [] });
  t.is(attachments.length, 1);
  const [{ id, domain, since, ...rest }] = attachments;
  t.deepEqual(rest, {
    state: 'hot-attached',
    mode: 'hot',
    node: 'N1',
    vm_id,
    target: 'vda',
    by: 'alice',
    away: false,
    doubt: null,
    diverted: null,
  });
  t.regex(since, RFC_3339);
  t.is(typeof id, 'string');
  t.is(domain, site.n1.domain(`one-${vm_id}`)?.uuid);
});

test('a VM that is registered before its launch has no domain and no target yet', async t => {
  const uuid = await site.create('alice');
  await site.ask('POST', `/api/attach/${uuid}`, { as: 'cloud', form: { node: 'elsewhere', vm_id: '9' } });
  t.like(await full(uuid), {
    state: 'attached',
    attachments: { 0: { mode: 'cold', state: 'attached', domain: null, target: null, by: 'cloud' } },
  });
});

test('others see that a public disk is used, but not where or by whom, except for what they did themselves', async t => {
  const uuid = await site.create('alice', 'public');
  await site.ask('PUT', `/api/disks/${uuid}/limit`, { form: { limit: '2' } });
  for (const as of ['alice', 'bob'] as const) {
    await site.ask('POST', `/api/hotattach/${uuid}`, { as, form: { node: 'n1', vm_id: site.addVm() } });
  }
  const { users, attachments } = await full(uuid, 'bob');
  t.is(users, 2);
  t.like(attachments[0], { mode: 'hot', node: null, vm_id: null, domain: null, target: null, by: null });
  t.like(attachments[1], { mode: 'hot', node: 'n1', by: 'bob', target: 'vda' });
  for (const as of ['alice', 'cloud', 'admin'] as const) {
    const seen = await full(uuid, as);
    t.deepEqual(
      seen.attachments.map(({ by }: { by: string }) => by),
      ['alice', 'bob'],
    );
  }
});

test('a disk that an account may not see is unknown to it in this view, too', async t => {
  const uuid = await site.create('alice');
  t.is(await full(uuid, 'bob'), 'DISK_UNKNOWN');
  t.is(await full(uuid, ''), 'UNAUTHENTICATED');
  t.is(await full('eb198dec-3560-4a9a-b3b4-5f043410a3dd'), 'DISK_UNKNOWN');
});

test('a disk says what it waits for, and until when', async t => {
  const uuid = await site.create('alice');
  const vm_id = site.addVm('n1', { manners: 'unwilling' });
  const form = { node: 'n1', vm_id };
  await site.ask('POST', `/api/hotattach/${uuid}`, { as: 'alice', form });
  const detaching = site.ask('POST', `/api/hotdetach/${uuid}`, { as: 'alice', form });
  let seen = await full(uuid);
  await until(async () => {
    seen = await full(uuid);
    return seen.waiting.length > 0;
  }, 'the disk to wait');
  const [attachment] = seen.attachments;
  t.like(seen, {
    state: 'hot-attached',
    attachments: { 0: { state: 'detaching' } },
    waiting: { 0: { for: 'guest', attachment: attachment.id } },
  });
  t.true(Date.parse(seen.waiting[0].until) > Date.parse(attachment.since));
  site.n1.release(`one-${vm_id}`, `ua-${uuid}`);
  t.is((await detaching).status, 200);
  t.deepEqual((await full(uuid)).waiting, []);
});

test('the list is a bare array of these objects', async t => {
  const uuid = await site.create('bob');
  const { text, headers } = await site.ask('GET', '/api/disks?view=full', { as: 'bob' });
  t.is(headers.get('content-type'), 'application/json');
  const list = JSON.parse(text);
  t.deepEqual(
    list.find((disk: { uuid: string }) => disk.uuid === uuid),
    await full(uuid, 'bob'),
  );
});

test('a new reader of events is told the state of every disk that its account sees, and no more than by the list', async t => {
  const used = await site.create('alice', 'public');
  const hidden = await site.create('bob');
  const vm_id = site.addVm();
  const plugged = await site.ask('POST', `/api/hotattach/${used}`, {
    as: 'alice',
    form: { node: 'n1', vm_id },
  });
  t.is(plugged.status, 200);
  for (const as of ['alice', 'bob', 'cloud', 'admin'] as const) {
    const stream = await subscribe(site.service.url, '?snapshot=1&view=full', { as });
    try {
      await until(() => stream.controls().some(one => 'complete' in one && one.complete), 'the snapshot');
      const all = stream
        .controls()
        .flatMap((one): { readonly uuid: string }[] => (one.control === 'snapshot' ? one.disks : []));
      // Other tests have disks on this site, too.
      const ours = (disks: typeof all) => disks.filter(({ uuid }) => uuid === used || uuid === hidden);
      const shown = ours(all);
      const { text } = await site.ask('GET', '/api/disks?view=full', { as });
      t.deepEqual(shown, ours(JSON.parse(text)), as);
      t.is(shown.length, as === 'alice' ? 1 : 2, as);
      const shownVm = as === 'bob' ? null : vm_id;
      const state = 'hot-attached';
      t.like(
        shown.find(({ uuid }) => uuid === used),
        { state, attachments: { 0: { state, vm_id: shownVm } } },
        as,
      );
    } finally {
      stream.close();
    }
  }
});

test('there is no other view', async t => {
  const uuid = await site.create('alice');
  for (const path of [
    `/api/disks/${uuid}?view=short`,
    '/api/disks?view=',
    '/api/disks?view=full&view=full',
  ]) {
    t.is((await site.ask('GET', path, { as: 'alice' })).code, 'BAD_INPUT', path);
  }
});

test('disks that wait can be chosen, and a metric has the age of the longest wait', async t => {
  const own = await startSite({ attach_timeout: 120, metrics_access: 'any' });
  try {
    const [uuid, other] = [await own.create('alice'), await own.create('alice')];
    const waiting = async (whom: string, view = '&view=full') => {
      const { text } = await own.ask('GET', `/api/disks?waiting=${whom}${view}`, { as: 'alice' });
      return JSON.parse(text).map((disk: { uuid: string }) => disk.uuid);
    };
    const oldest = async (whom: string): Promise<number> => {
      const { text } = await own.ask('GET', '/metrics', { as: '' });
      return Number(new RegExp(`^pdisk_oldest_wait_seconds\\{for="${whom}"\\} (\\S+)$`, 'm').exec(text)?.[1]);
    };
    t.deepEqual([await oldest('pool'), await oldest('node'), await oldest('guest')], [0, 0, 0]);
    const held = gate();
    own.n1.faults.inject('domainAttachDeviceFlags', { kind: 'delay', until: held.opened });
    const form = { node: 'n1', vm_id: own.addVm() };
    const attaching = own.ask('POST', `/api/hotattach/${uuid}`, { as: 'alice', form });
    await until(async () => (await waiting('node')).length > 0, 'the wait for the node');
    t.deepEqual(await waiting('node'), [uuid]);
    t.deepEqual(await waiting('node', ''), [uuid]);
    t.deepEqual([await waiting('guest'), await waiting('pool')], [[], []]);
    t.true((await oldest('node')) > 0);
    held.open();
    t.is((await attaching).status, 200);
    t.deepEqual([await waiting('node'), await oldest('node')], [[], 0]);
    t.is((await own.ask('GET', '/api/disks?waiting=godot', { as: 'alice' })).code, 'BAD_INPUT');
    t.is((await own.ask('GET', `/api/disks/${other}`, { as: 'alice' })).status, 200);
  } finally {
    await own.end();
  }
});
