import { attachmentKey } from '../../machines/notes.ts';
import { birthOn, RUN, vmOf } from './support/events.ts';
import { hotattach, refused } from './support/play.ts';
import { test } from './support/rule.ts';
import { attach, disks, growth } from './support/states.ts';

const told = (id: string, type: string, more: object) => ({
  tell: { to: attachmentKey(id), event: { type, ...birthOn(id, vmOf(id)), shareable: true, ...more } },
});
const toldPlug = (id: string) => told(id, 'HOTATTACH', { target: 'vda', byId: undefined });
const toldRegister = (id: string) => told(id, 'ATTACH', { vm: vmOf(id, null), byId: undefined });
const toldAdopt = (id: string) => told(id, 'ADOPT', { target: 'vdc', run: RUN, byId: undefined });
const oversubscribed = { publish: { type: 'disk.oversubscribed' } };

const adopt = (id: string, attachments: string[] = []) => ({
  type: 'ADOPT_USER' as const,
  ...birthOn(id, vmOf(id)),
  target: 'vdc',
  run: RUN,
  attachments,
});

const usable = ['available', 'attached', 'hot-attached'] as const;
const used = ['attached', 'hot-attached'] as const;
const first = {
  available: [],
  attached: [{ attachment: '1', mode: 'cold' }],
  'hot-attached': [{ attachment: '1', mode: 'hot' }],
};

for (const name of usable) {
  test(`a disk that is ${name} is plugged where there is a place, and counts the user from then on`, t => {
    const disk = disks[name]();
    t.deepEqual(disk.send(hotattach('2')), { state: 'hot-attached', notes: [toldPlug('2')] });
    t.deepEqual(disk.context().users, [...first[name], { attachment: '2', mode: 'hot' }]);
  });

  test(`a disk that is ${name} is registered where there is a place`, t => {
    const disk = disks[name]();
    const state = name === 'hot-attached' ? name : 'attached';
    t.deepEqual(disk.send(attach('2')), { state, notes: [toldRegister('2')] });
    t.deepEqual(disk.context().users, [...first[name], { attachment: '2', mode: 'cold' }]);
  });

  test(`a disk that is ${name} takes a VM that has it without a record as its user`, t => {
    const disk = disks[name]();
    t.deepEqual(disk.send(adopt('2')), { state: 'hot-attached', notes: [toldAdopt('2')] });
    t.deepEqual(disk.context().users, [...first[name], { attachment: '2', mode: 'hot' }]);
  });

  test(`a disk that is ${name} grows: its size counts at once`, t => {
    const disk = disks[name]();
    t.deepEqual(disk.send(growth), { state: 'growing', notes: [{ resizeVolume: true }] });
    t.like(disk.context(), { sizeGiB: 3, grownFrom: 1, failures: 0 });
  });
}

for (const name of used) {
  const hot = name === 'hot-attached';

  test(`a disk that is ${name} and full is not plugged, but a VM that has it or registers it becomes its user`, t => {
    const disk = disks[name]();
    disk.send(attach('2'));
    t.deepEqual(disk.send(hotattach('3')).notes, refused('LIMIT_REACHED'));
    t.deepEqual(disk.send(attach('4')), { state: name, notes: [toldRegister('4'), oversubscribed] });
    t.deepEqual(disk.send(adopt('5')), { state: 'hot-attached', notes: [toldAdopt('5'), oversubscribed] });
    t.deepEqual(
      disk.context().users.map(({ attachment, mode }) => [attachment, mode]),
      [
        ['1', hot ? 'hot' : 'cold'],
        ['2', 'cold'],
        ['4', 'cold'],
        ['5', 'hot'],
      ],
    );
  });

  test(`a disk that is ${name} ignores a user that it has already`, t => {
    const disk = disks[name]();
    disk.send(attach('2'));
    const before = disk.context();
    for (const event of [
      { ...attach('3'), attachments: ['2'] },
      adopt('3', ['1']),
      { type: 'MOVED' as const, attachment: '1' },
    ]) {
      t.true(disk.hears(event), event.type);
      t.deepEqual(disk.send(event), { state: name, notes: [] }, event.type);
      t.is(disk.context(), before, event.type);
    }
  });

  test(`a disk that is ${name} is available when its last user is gone, and not before`, t => {
    const disk = disks[name]();
    disk.send(hot ? hotattach('2') : attach('2'));
    t.deepEqual(disk.send({ type: 'RELEASED', attachment: '1' }), { state: name, notes: [] });
    t.deepEqual(disk.context().users, [{ attachment: '2', mode: hot ? 'hot' : 'cold' }]);
    t.deepEqual(disk.send({ type: 'RELEASED', attachment: '2' }), { state: 'available', notes: [] });
    t.deepEqual(disk.context().users, []);
  });
}

test('a disk is attached when its last hot-plugged user is gone and others are left', t => {
  const disk = disks['hot-attached']();
  disk.send(attach('2'));
  t.is(disk.send({ type: 'RELEASED', attachment: '1' }).state, 'attached');
  t.deepEqual(disk.context().users, [{ attachment: '2', mode: 'cold' }]);
});

for (const name of ['growing', 'growing, registered'] as const) {
  test(`a VM that is registered for a disk that is ${name} is told its new size, also beyond the limit`, t => {
    const disk = disks[name]();
    const before = disk.context().users.length;
    const { attempt } = disk.context();
    const over = name === 'growing, registered' ? [] : [attach('1')];
    for (const event of over) disk.send(event);
    t.deepEqual(disk.send(attach('2')), {
      state: 'growing',
      notes: [toldRegister('2'), { resizeVolume: true }],
    });
    t.deepEqual(disk.send(attach('3')), {
      state: 'growing',
      notes: [toldRegister('3'), oversubscribed, { resizeVolume: true }],
    });
    t.is(disk.context().users.length, before + over.length + 2);
    t.is(disk.context().attempt, attempt + over.length + 2);
    const again = { ...attach('4'), attachments: ['2'] };
    t.true(disk.hears(again));
    t.deepEqual(disk.send(again), { state: 'growing', notes: [] });
  });
}

test('a VM that moves during a resize is told the new size on its new node', t => {
  const disk = disks['growing, plugged']();
  const { attempt } = disk.context();
  t.deepEqual(disk.send({ type: 'MOVED', attachment: '1' }), {
    state: 'growing',
    notes: [{ resizeVolume: true }],
  });
  t.is(disk.context().attempt, attempt + 1);
});

for (const name of [...usable, 'growing'] as const) {
  test(`a disk that is ${name} is edited, and an edit without a difference is no change`, t => {
    const disk = disks[name]();
    const edit = { type: 'EDIT' as const, tag: 'new', visibility: 'public' as const, stale: false };
    t.deepEqual(disk.send(edit), { state: name, notes: [] });
    t.like(disk.context(), { tag: 'new', visibility: 'public' });
    const before = disk.context();
    t.true(disk.hears(edit));
    disk.send(edit);
    t.is(disk.context(), before);
  });
}

test('the limit of a disk without users is changed', t => {
  const disk = disks.available();
  t.deepEqual(disk.send({ type: 'SET_LIMIT', limit: 5 }), {
    state: 'available',
    notes: [{ publish: { type: 'disk.limit-changed' } }],
  });
  t.is(disk.context().limit, 5);
});
