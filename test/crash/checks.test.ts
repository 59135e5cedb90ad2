// The list of checks itself: it must find each thing that can be left over.
import test from 'ava';
import { GIB } from '../../src/lib/gib.ts';
import { violations } from './support/checks.ts';
import type { DiskSeen, View } from './support/view.ts';

const POOL = '/data/pool';
const [HOT, COLD, DOMAIN] = ['hot', 'cold', 'domain'];

const attachment = {
  id: 'a1',
  state: 'hot-attached',
  mode: 'hot',
  node: 'n1',
  vm_id: '1',
  domain: DOMAIN,
  doubt: null,
} as const;
const hot: DiskSeen = {
  uuid: HOT,
  tag: '',
  owner: 'alice',
  visibility: 'private',
  size: 1,
  state: 'hot-attached',
  limit: 1,
  users: 1,
  attachments: [attachment],
  waiting: [],
};
const cold: DiskSeen = {
  ...hot,
  uuid: COLD,
  state: 'attached',
  attachments: [{ ...attachment, id: 'a2', state: 'attached', mode: 'cold', domain: null }],
};
const device = { node: 'n1', vm: 'one-1', domain: DOMAIN, disk: HOT, source: `${POOL}/${HOT}.raw` };
const quota = { disks: '2', size: null };
const good: View = {
  disks: [hot, cold],
  counts: {
    disk: { 'hot-attached': 1, attached: 1 },
    attachment: { 'hot-attached': 1, attached: 1, unclaimed: 7 },
  },
  drift: [],
  leftovers: [],
  nodes: [{ node: 'n1', reachable: true, alarm: null }],
  accounts: [{ name: 'alice', role: 'user', disks: '2', size: '2', quota }],
  tokens: [],
  volumes: new Map([
    ['.pdisk-owner', 40],
    [`${HOT}.raw`, GIB],
    [`${COLD}.raw`, GIB],
  ]),
  data: ['control', 'db', 'head', 'owner', 'pool', 'reserve'],
  pool: POOL,
  live: [device],
  defined: [],
};

test('a site at rest has no violations', t => {
  t.deepEqual(violations(good), []);
});

const withDisk = (change: Partial<DiskSeen>): Partial<View> => ({ disks: [{ ...hot, ...change }, cold] });
const withVolumes = (...changed: readonly [string, number][]): Partial<View> => ({
  volumes: new Map([...good.volumes, ...changed]),
});
const without = (name: string): Partial<View> => ({
  volumes: new Map([...good.volumes].filter(([key]) => key !== name)),
});

for (const [what, change, sentence] of [
  ['a disk that does not rest', withDisk({ state: 'deleting' }), /disk hot is still deleting/],
  ['a disk that waits', withDisk({ waiting: [{ for: 'guest' }] }), /waits for guest/],
  ['users beyond the limit', withDisk({ limit: 0 }), /1 users, its limit is 0/],
  ['an attachment that was lost', withDisk({ attachments: [] }), /which no attachment accounts for/],
  [
    'an attachment that does not rest',
    withDisk({ attachments: [{ ...attachment, state: 'detaching' }] }),
    /a1 is detaching/,
  ],
  ['a doubt', withDisk({ attachments: [{ ...attachment, doubt: {} }] }), /nobody knows whether VM 1/],
  ['a device that is missing', { live: [] }, /whose domain does not show it/],
  [
    'a device in a second domain',
    { live: [device, { ...device, domain: 'other' }] },
    /in 2 domains, its limit is 1/,
  ],
  ['a device on another file', { live: [{ ...device, source: '/other' }] }, /has disk hot from \/other/],
  ['a definition that holds a disk', { defined: [device] }, /the definition of one-1 has disk hot/],
  ['a volume that is missing', without(`${HOT}.raw`), /its volume no bytes/],
  ['a volume of the old size', withVolumes([`${HOT}.raw`, 5]), /has 1 GiB, its volume 5 bytes/],
  ['a volume without a disk', withVolumes(['x.raw', GIB]), /the pool has x\.raw/],
  ['a pool without its owner', without('.pdisk-owner'), /has no \.pdisk-owner/],
  ['a temporary file', { data: [...good.data, 'head.new'] }, /the data folder has head\.new/],
  [
    'a disk that is hidden',
    { counts: { ...good.counts, disk: { ...good.counts.disk, creating: 1 } } },
    /the charts count disks/,
  ],
  [
    'an attachment that is hidden',
    { counts: { ...good.counts, attachment: { 'hot-attached': 1, attached: 1, detaching: 1 } } },
    /the charts count attachments/,
  ],
  [
    'an account beyond its quota',
    { accounts: [{ ...good.accounts[0], quota: { ...quota, disks: '1' } }] as View['accounts'] },
    /alice is beyond its quota/,
  ],
  [
    'an account that counts wrongly',
    { accounts: [{ ...good.accounts[0], disks: '1' }] as View['accounts'] },
    /alice counts 1 disks/,
  ],
  ['a disk without an owner', { accounts: [] }, /belongs to alice, who is gone/],
  ['a silent node', { nodes: [{ node: 'n1', reachable: false, alarm: null }] }, /n1 is not reachable/],
  ['an alarm', { nodes: [{ node: 'n1', reachable: true, alarm: 'why' }] }, /n1 has an alarm: why/],
  ['drift', { drift: [{ kind: 'volume-lost', disk: HOT, detail: 'x' }] }, /drift: volume-lost of hot/],
] as const satisfies readonly (readonly [string, Partial<View>, RegExp])[]) {
  test(`${what} is a violation`, t => {
    t.regex(violations({ ...good, ...change }).join('\n'), sentence);
  });
}

test('what a test has brought about itself is no violation', t => {
  const leftover = { ...good, ...withVolumes(['x.raw', GIB]) };
  t.deepEqual(
    violations({ ...leftover, drift: [{ kind: 'leftover', disk: 'x', detail: '' }] }, { leftover: 'x' }),
    [],
  );
  const doubt = [{ ...attachment, doubt: {} }];
  const lost = { ...good, ...withDisk({ attachments: doubt, waiting: [{ for: 'person' }] }), live: [] };
  t.deepEqual(violations(lost, { doubt: HOT }), []);
});
