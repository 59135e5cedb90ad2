import test from 'ava';
import type { EventRecord } from '../../src/store/records.ts';
import { ACCOUNT_ID, change } from './support/memory-log.ts';
import { eventSite } from './support/site.ts';

type Site = Awaited<ReturnType<typeof eventSite>>;

const base = change(1).disk;
const disk = (owner: string, visibility: 'private' | 'public'): EventRecord['disk'] =>
  base && { ...base, owner, visibility };
const attachment = (by: string) =>
  ({ id: 'a', node: 'n1', vmId: '7', target: 'vda', mode: 'hot', by, byId: ACCOUNT_ID }) as const;
const request = (account: string) =>
  ({ kind: 'request', request: 'r', account, accountId: ACCOUNT_ID }) as const;

/** What each account sees of one event of each kind, followed by one that every account sees. */
async function seen(
  site: Site,
  account: string,
): Promise<[number, { vm: string | null | undefined; account: string | undefined }][]> {
  const subscriber = await site.subscribe('?since=0', { as: account });
  await subscriber.untilSequence(site.log.newest());
  return subscriber.events().map(({ sequence, data }) => {
    return [sequence, { vm: data.attachment?.vm_id, account: data.cause.account }];
  });
}

test('users see their own and public disks, of the latter only their own VMs; service and admin see all', async t => {
  const site = await eventSite(t);
  site.add({ disk: disk('alice', 'private'), attachment: attachment('alice'), cause: request('alice') });
  site.add({ disk: disk('alice', 'public'), attachment: attachment('alice'), cause: request('alice') });
  site.add({ disk: disk('alice', 'public'), attachment: attachment('bob'), cause: request('bob') });
  site.add({ disk: disk('bob', 'private'), attachment: attachment('alice'), cause: request('cloud') });
  site.add({ disk: null, attachment: attachment('alice') });
  site.add({ disk: disk('nobody', 'public') });
  const whole = { vm: '7', account: 'alice' };
  const hidden = { vm: null, account: undefined };
  const plain = { vm: undefined, account: undefined };

  t.deepEqual(await seen(site, 'alice'), [
    [1, whole],
    [2, whole],
    [3, { vm: '7', account: 'bob' }],
    [6, plain],
  ]);
  t.deepEqual(await seen(site, 'bob'), [
    [2, hidden],
    [3, { vm: '7', account: 'bob' }],
    [4, { vm: '7', account: 'cloud' }],
    [6, plain],
  ]);
  for (const account of ['admin', 'cloud']) {
    const all = await seen(site, account);
    t.deepEqual(
      all.map(([sequence]) => sequence),
      [1, 2, 3, 4, 5, 6],
    );
    t.deepEqual(
      all.slice(0, 5).map(([, { vm }]) => vm),
      ['7', '7', '7', '7', '7'],
    );
  }
});

test('the disk at the time of the event decides who sees the event, not the disk now', async t => {
  const site = await eventSite(t);
  site.add({ disk: disk('alice', 'public') });
  site.add({ disk: disk('alice', 'private') });
  site.add({ disk: disk('alice', 'public') });
  t.deepEqual(
    (await seen(site, 'bob')).map(([sequence]) => sequence),
    [1, 3],
  );
});

test('the filter by node does not reveal the node of a VM that the caller may not see', async t => {
  const site = await eventSite(t, { bookmarkMs: 0 });
  site.add({ disk: disk('alice', 'public'), attachment: attachment('alice') });
  const follow = (as: string) => site.subscribe('?since=0&node=n1', { as });
  const [bob, alice] = await Promise.all([follow('bob'), follow('alice')]);
  await Promise.all([bob.untilMessages(1), alice.untilMessages(1)]);
  t.deepEqual([bob.sequences(), alice.sequences()], [[], [1]]);
});

test('a new account with an old name sees no events of the old account', async t => {
  const site = await eventSite(t);
  const old = { ...attachment('alice'), byId: 'an older id' };
  const ofOld = (visibility: 'private' | 'public') => {
    const owned = disk('alice', visibility);
    return owned && { ...owned, ownerId: 'an older id' };
  };
  const cause = { ...request('alice'), accountId: 'an older id' };
  site.add({ disk: ofOld('private'), attachment: old, cause });
  site.add({ disk: ofOld('public'), attachment: old, cause });
  site.add({ disk: disk('alice', 'private'), cause: request('alice') });
  t.deepEqual(await seen(site, 'alice'), [
    [2, { vm: null, account: undefined }],
    [3, { vm: undefined, account: 'alice' }],
  ]);
});

test('the reason that an administrator gave is told to those who see the whole event', async t => {
  const site = await eventSite(t);
  const cause = { ...request('admin'), reason: 'the host burnt down' };
  site.add({ disk: disk('alice', 'public'), attachment: attachment('alice'), cause });
  const reasonFor = async (as: string) => {
    const subscriber = await site.subscribe('?since=0', { as });
    await subscriber.untilSequence(1);
    return subscriber.events()[0]?.data.cause.reason;
  };
  for (const as of ['admin', 'cloud', 'alice']) t.is(await reasonFor(as), 'the host burnt down', as);
  t.is(await reasonFor('bob'), undefined);
});
