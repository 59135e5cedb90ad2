// What a disk and a node are doing, in sentences: for every state of the charts, and with fake libvirtds.
import test from 'ava';
import type { Caller } from '../../src/accounts/caller.ts';
import type { StoredAttachment, StoredDisk } from '../../src/disks/records/records.ts';
import { until } from '../../testkit/until.ts';
import { DISK, vmOf } from '../machines/support/events.ts';
import { attachments, disks, stateOf } from '../machines/support/states.ts';
import { admin, alice, eve, explained } from './support/explained.ts';
import { holderOf } from './support/holders.ts';
import { cause, createSite } from './support/site.ts';

type DiskName = Exclude<keyof typeof disks, 'new'>;
type AttachmentName = Exclude<keyof typeof attachments, 'new'>;

/** The record of a disk in one of the played states. */
const diskIn = (name: DiskName, more: Partial<StoredDisk['context']> = {}) =>
  ({ v: 2, state: stateOf(name), context: { ...disks[name]().context(), ...more } }) as StoredDisk;
/** The record of an attachment in one of the played states, and of the disk that has it. */
const attachedIn = (name: AttachmentName, more: Partial<StoredAttachment['context']> = {}) => {
  const context = { ...attachments[name]().context(), ...more };
  const users = [{ attachment: context.id, mode: context.mode }];
  const disk = diskIn('available', { users });
  return [
    { ...disk, state: context.mode === 'hot' ? 'hot-attached' : 'attached' } as StoredDisk,
    { v: 3, state: stateOf(name), context } as StoredAttachment,
  ] as const;
};
const NODE = vmOf('1').node;
const up = { key: NODE, name: 'onehost-1', up: true };
const down = { ...up, up: false };

const isSentence = (text: string): boolean =>
  /^(?:[A-Z]|libvirt).*[^.:;, ]\.$/.test(text) && !/undefined|null|NaN|\[object|\.\.|: \./.test(text);

for (const name of Object.keys(disks).filter(one => one !== 'new') as DiskName[]) {
  test(`a disk that is ${name} is explained: what it does, whom it waits for, until when and what then`, t => {
    const disk = diskIn(name);
    const why = explained([disk]).disk(alice, DISK);
    t.deepEqual(
      why.sentences.filter(one => !isSentence(one)),
      [],
    );
    t.true(why.sentences[0]?.startsWith('The disk '));
    t.is(why.waiting.length, disk.context.deadline === null ? 0 : 1);
    for (const { until: end, next, afterwards } of why.waiting) {
      t.is(end, disk.context.deadline);
      t.true(next.length > 0 && next.every(({ means }) => means !== ''));
      t.truthy(afterwards?.means);
    }
  });
}

for (const name of Object.keys(attachments).filter(one => one !== 'new') as AttachmentName[]) {
  test(`an attachment that is ${name} is explained: what it does, whom it waits for and what then`, t => {
    const [disk, attachment] = attachedIn(name);
    const why = explained([disk, attachment], [up]).disk(alice, DISK);
    t.deepEqual(
      why.sentences.filter(one => !isSentence(one)),
      [],
    );
    const [shown] = why.attachments;
    t.true((shown?.sentences.length ?? 0) > 0);
    const waits = attachment.state === 'attaching' || attachment.state === 'detaching';
    t.deepEqual(
      why.waiting.map(one => [one.attachment, one.until, one.afterwards !== null, one.next.length > 0]),
      waits ? [[attachment.context.id, attachment.context.deadline, true, true]] : [],
    );
  });
}

test('what the deadline of a wait leads to is what the chart does then', t => {
  const then = (name: DiskName) => explained([diskIn(name)]).disk(alice, DISK).waiting[0]?.afterwards;
  t.deepEqual(then('creating'), { state: 'deleting', means: 'what was made of it is removed' });
  t.deepEqual(then('wiping'), { state: 'wiping', means: 'it is tried again' });
  t.is(then('deleting, being undone')?.state, 'failed');
});

test('a request that would end the wait of a failed disk is named to its owner; others are told whom to ask', t => {
  const { disk } = explained([diskIn('failed', { visibility: 'public' })]);
  const requests = (who: Caller) => disk(who, DISK).ways.map(({ request }) => request);
  const both = [`DELETE /api/disks/${DISK}`, `POST /api/retry/${DISK}`];
  t.deepEqual(requests(alice).sort(), both);
  const cloud: Caller = { account: 'cloud', role: 'service' };
  t.deepEqual(requests(cloud), [null, null]);
  t.true(disk(cloud, DISK).sentences.some(one => one.startsWith('Ask its owner alice or an administrator')));
  t.throws(() => disk(eve, DISK), { code: 'DISK_UNKNOWN' });
});

test('for a VM that runs with the disk, nothing is said to free it at once', t => {
  const { disk } = explained(attachedIn('hot-attached'), [up]);
  const { ways } = disk(admin, DISK);
  t.deepEqual(
    ways.filter(({ frees, when }) => frees && when === null),
    [],
  );
  t.false(ways.some(({ inputs }) => inputs?.force !== undefined));
  t.like(ways[0], { request: `POST /api/hotdetach/${DISK}`, leadsTo: 'detaching', allowed: true });
});

test('where a node is silent, an administrator is told of force and of declaring it dead; the owner, to ask one', t => {
  const { disk, node } = explained(attachedIn('hot-attached'), [down]);
  const ofForce = (who: Caller) => disk(who, DISK).ways.filter(({ by }) => by.join() === 'admin');
  t.deepEqual(
    ofForce(admin).map(({ request, inputs }) => [request, inputs?.force]),
    [
      [`POST /api/hotdetach/${DISK}`, 'true'],
      ['POST /api/nodes/onehost-1/declare-dead', undefined],
    ],
  );
  t.deepEqual(
    ofForce(alice).map(({ request, inputs }) => [request, inputs]),
    [
      [null, null],
      [null, null],
    ],
  );
  t.true(disk(alice, DISK).sentences.some(one => one.startsWith('Ask an administrator to act')));
  t.true(disk(admin, DISK).sentences.some(one => one.includes('connection refused')));
  t.false(disk(alice, DISK).sentences.some(one => one.includes('connection refused')));
  t.deepEqual(
    node(admin, 'onehost-1').ways.map(({ request }) => request),
    ['POST /api/nodes/onehost-1/declare-dead'],
  );
  t.deepEqual(node(alice, 'onehost-1').ways, []);
});

test('an attachment whose VM is not known to be gone waits for a person since the doubt began', t => {
  const doubt = {
    code: 'VM_FATE_UNKNOWN',
    detail: 'it has migrated, and no host shows it',
    since: 7,
  } as const;
  const { disk, node } = explained(attachedIn('hot-attached', { doubt, seen: 'migrated' }), [up]);
  t.like(disk(alice, DISK).waiting[0], { for: 'person', since: 7, until: null, afterwards: null });
  t.true(disk(alice, DISK).sentences.some(one => one.includes(doubt.detail)));
  t.like(node(admin, 'onehost-1').waiting[0], { disk: DISK, waiting: { for: 'person', since: 7 } });
});

test('an account that sees a public disk of another is told of its users, but not which VMs they are', t => {
  const doubt = { code: 'VM_FATE_UNKNOWN', detail: 'a secret', since: 7 } as const;
  const [owned, attachment] = attachedIn('hot-attached', { doubt, vmId: 'hidden-vm' });
  const context = { ...owned.context, visibility: 'public' as const };
  const { disk, node, live } = explained([{ ...owned, context }, attachment], [down]);
  live.push(holderOf(DISK));
  const why = disk(eve, DISK);
  t.is(why.holders, null);
  t.notRegex(JSON.stringify(why), /hidden-vm|a secret|onehost-1|one-1/);
  t.true(why.sentences.some(one => one.startsWith('A VM of another account has it')));
  t.is(node(eve, 'onehost-1').attachments, 0);
  t.is(node(alice, 'onehost-1').attachments, 1);
});

test('a private disk of another account, and one that is being created, are not explained', t => {
  const { disk } = explained([diskIn('available')]);
  t.throws(() => disk(eve, DISK), { code: 'DISK_UNKNOWN' });
  const creating = explained([diskIn('creating', { visibility: 'public' })]);
  t.throws(() => creating.disk(eve, DISK), { code: 'DISK_UNKNOWN' });
  t.is(creating.disk(alice, DISK).state, 'creating');
});

test('a live domain that has the disk without a record is named to the owner', t => {
  const { disk, live } = explained([diskIn('available')]);
  live.push(holderOf(DISK));
  t.true(disk(alice, DISK).sentences.some(one => one.includes("'one-1'") && one.includes('No record')));
  t.is(disk(alice, DISK).holders?.length, 1);
});

test('a node is explained with its alarm and its declaration to those who run the cloud only', t => {
  const dead = { by: 'root', reason: 'it burnt down', since: 5 };
  const { node } = explained([], [{ ...up, alarm: 'another host answers', dead }]);
  const whole = node(admin, 'onehost-1');
  t.deepEqual(
    whole.sentences.filter(one => !isSentence(one)),
    [],
  );
  t.deepEqual(
    whole.ways.map(({ request }) => request),
    ['POST /api/nodes/onehost-1/agree', 'POST /api/nodes/onehost-1/declare-alive'],
  );
  t.deepEqual(whole.operation?.declaredDead, dead);
  t.is(node(alice, 'onehost-1').operation, null);
  t.notRegex(JSON.stringify(node(alice, 'onehost-1')), /burnt|another host/);
  t.throws(() => node(admin, 'elsewhere'), { code: 'NODE_UNKNOWN' });
});

test('at most 100 attachments are explained, and the others are counted', t => {
  const [disk, { context }] = attachedIn('attached, not seen yet');
  const ids = Array.from({ length: 103 }, (_, index) => `a${index}`);
  const users = ids.map(attachment => ({ attachment, mode: 'cold' as const }));
  const many = ids.map(id => ({ v: 3, state: 'attached', context: { ...context, id } }) as StoredAttachment);
  const why = explained([{ ...disk, context: { ...disk.context, users } }, ...many], [up]).disk(alice, DISK);
  t.deepEqual([why.attachments.length, why.others], [100, 3]);
});

test('a guest that keeps its disk is what the disk waits for; a way that is named works', async t => {
  const site = await createSite(t);
  site.n1.addDomain({ name: 'one-1', manners: 'unwilling' });
  const { uuid } = await site.disks.service.create(
    alice,
    { sizeGiB: 1, tag: '', visibility: 'private' },
    cause,
  );
  await site.hotattach(uuid, '1');
  const unplugging = site.hotdetach(uuid, '1');
  const [wait] = await until(() => {
    const { waiting } = site.disks.explain.disk(alice, uuid);
    return waiting.length > 0 && waiting;
  }, 'the disk to wait');
  t.like(wait, { for: 'guest', afterwards: { state: 'hot-attached' } });
  t.true(typeof wait?.since === 'number' && typeof wait.until === 'number' && wait.since < wait.until);
  t.is(site.disks.explain.node(admin, 'n1').waiting[0]?.disk, uuid);

  await site.n1.stop();
  await until(() => !site.disks.explain.node(admin, 'n1').reachable, 'the node to be silent');
  const force = site.disks.explain.disk(admin, uuid).ways.find(({ inputs }) => inputs?.force === 'true');
  t.true(force?.frees);
  await site.disks.service.hotdetach(admin, uuid, { node: 'n1', vmId: '1' }, cause, { reason: 'it is' });
  await Promise.allSettled([unplugging]);
  t.is(site.disks.explain.disk(alice, uuid).state, 'available');
});
