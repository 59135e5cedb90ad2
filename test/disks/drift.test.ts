// Every kind of difference, and what is not a difference; then how they are reported.
import test from 'ava';
import { pino } from 'pino';
import { initialAttachment } from '../../machines/attachment-parts.ts';
import { initialDisk as unbornDisk } from '../../machines/disk-parts.ts';
import { attachmentKey, diskKey } from '../../machines/notes.ts';
import { type Difference, differencesOf, type Truths } from '../../src/disks/drift/drift.ts';
import { driftKinds } from '../../src/disks/drift/drift-kinds.ts';
import { type DriftNews, watchDrift } from '../../src/disks/drift/drift-watch.ts';
import type { VolumeDifferences } from '../../src/disks/drift/volumes.ts';
import { createRecordIndex } from '../../src/disks/records/record-index.ts';
import type { StoredAttachment } from '../../src/disks/records/records.ts';
import type { NodeView } from '../../src/disks/service.ts';
import { createDefinitionBook } from '../../src/disks/vms/definitions.ts';
import { errorOf } from '../../src/errors.ts';
import { definitionOf, holderOf, standInHolders } from './support/holders.ts';

const DISK = 'eb198dec-3560-4a9a-b3b4-5f043410a3dd';
const vm = { host: 'n1', node: 'key of n1', names: ['1', 'one-1'], domain: 'domain of one-1' };

const attachment = (more: object = {}, state: StoredAttachment['state'] = 'hot-attached'): StoredAttachment =>
  ({
    v: 1,
    state,
    context: { ...initialAttachment, id: 'a', disk: DISK, node: 'N1', vmId: '1', vm, ...more },
  }) as object as StoredAttachment;

const same: VolumeDifferences = { leftovers: new Map(), lost: new Set(), strangers: [] };

const node = (more: Partial<NodeView> = {}, operation: Partial<NodeView['operation']> = {}): NodeView => ({
  node: 'n1',
  names: ['n1'],
  reachable: true,
  since: 7,
  versions: null,
  operation: { uri: '', error: null, alarm: null, declaredDead: null, ...operation },
  ...more,
});

const differences = (more: Partial<Truths> = {}): Difference[] => [
  ...differencesOf({
    attachments: [],
    holders: standInHolders().holders,
    definitions: createDefinitionBook(),
    volumes: same,
    poolUnseen: undefined,
    nodes: [node()],
    keyOf: name => `key of ${name}`,
    nameOf: key => key.replace('key of ', ''),
    ...more,
  }),
];

const seen = (...live: ReturnType<typeof holderOf>[]) => ({ ...standInHolders().holders, all: () => live });

test('there is no difference where records, pool and domains agree', t => {
  t.deepEqual(differences(), []);
  t.deepEqual(differences({ attachments: [attachment()], holders: seen(holderOf(DISK)) }), []);
  // Registered before the launch: found by one of the VM's names.
  const cold = attachment({ mode: 'cold', vm: { ...vm, domain: null } }, 'attached');
  t.deepEqual(differences({ attachments: [cold], holders: seen(holderOf(DISK)) }), []);
});

test('a live domain that has a disk without an attachment is a difference, however it is seen', t => {
  const other = attachment({ vm: { ...vm, domain: 'another' } });
  const gone = attachment({}, 'unclaimed');
  for (const attachments of [[], [other], [gone], [attachment({ disk: 'another' })]]) {
    const [found, ...others] = differences({ attachments, holders: seen(holderOf(DISK, { by: 'path' })) });
    t.deepEqual(others, []);
    t.like(found, {
      kind: 'unrecorded-use',
      disk: DISK,
      node: 'n1',
      vm: 'one-1',
      domain: 'domain of one-1',
      repair: `POST /api/attach/${DISK} with node=n1 and vm_id=one-1`,
    });
  }
  t.is(differences({ holders: seen(holderOf(DISK)) })[0]?.repair, null, 'ours is unplugged by itself');
});

test('a definition that has a disk is a difference, unless the disk is registered for its VM', t => {
  const definitions = { all: () => [definitionOf(DISK)] };
  for (const mode of ['cold', 'hot'] as const) {
    const other = attachment({ mode, vm: { ...vm, domain: 'another' } });
    const [found, ...others] = differences({ attachments: [other], definitions });
    t.deepEqual(others, []);
    t.like(found, {
      kind: 'definition-keeps',
      disk: DISK,
      node: 'n1',
      vm: 'one-1',
      domain: 'domain of one-1',
    });
    t.regex(
      found?.repair ?? '',
      /^POST \/api\/attach\/.* with node=n1 and vm_id=one-1, or virsh detach-device/,
    );
  }
  const hot = differences({ attachments: [attachment()], definitions });
  t.like(hot, { length: 1, 0: { kind: 'definition-keeps', repair: null } }, 'taken out by itself');
  for (const domain of [vm.domain, null]) {
    const registered = attachment({ mode: 'cold', vm: { ...vm, domain } }, 'attached');
    t.deepEqual(differences({ attachments: [registered], definitions }), []);
  }
});

test('the last look at a definition counts, and none of a domain that is gone', t => {
  const book = createDefinitionBook();
  const [one, two] = [
    { uuid: 'u', name: 'one' },
    { uuid: 'v', name: 'two' },
  ];
  book.put('n', 'host', one, ['a', 'b']);
  book.put('n', 'host', two, ['a']);
  book.put('m', 'other', one, ['a']);
  book.put('n', 'host', one, ['b']);
  const all = () => [...book.all()].map(({ node, domain, disk }) => `${node} ${domain.name} ${disk}`);
  t.deepEqual(all(), ['n one b', 'n two a', 'm one a']);
  book.keepOnly('n', new Set(['v']));
  t.deepEqual(all(), ['n two a', 'm one a']);
  book.put('m', 'other', one, []);
  t.deepEqual(all(), ['n two a']);
});

test('a live source that is not the volume is a difference, also of a disk that is attached', t => {
  const holders = seen(holderOf(DISK, { diverted: true, source: '/pool/overlay' }));
  const [found, ...others] = differences({ attachments: [attachment()], holders });
  t.deepEqual(others, []);
  t.like(found, { kind: 'diverted-source', disk: DISK, node: 'n1', vm: 'one-1' });
  t.regex(found?.detail ?? '', /\/pool\/overlay/);
  t.regex(found?.repair ?? '', /virsh blockcommit one-1 vdb --active --pivot/);
});

test('an attachment whose VM waits for a person is a difference, since that began', t => {
  const doubt = { code: 'VM_FATE_UNKNOWN', detail: 'node n2 is silent', since: 5 };
  const [found, ...others] = differences({ attachments: [attachment({ doubt })] });
  t.deepEqual(others, []);
  t.like(found, { kind: 'machine-in-doubt', disk: DISK, vm: '1', since: 5, detail: 'node n2 is silent' });
  t.regex(found?.repair ?? '', /POST \/api\/detach with node=N1 and vm_id=1.*force=true/);
});

test('a VM that is away is a difference', t => {
  const [found, ...others] = differences({ attachments: [attachment({ seen: 'saved' })] });
  t.deepEqual(others, []);
  t.like(found, { kind: 'machine-away', disk: DISK, node: 'n1', vm: '1', domain: 'domain of one-1' });
});

test('volumes without a disk, disks without a volume and strangers are differences', t => {
  const leftover = { uuid: 'b', bytes: 5, createdMs: 1, since: 3 };
  const stranger = { name: `${DISK}.bk`, uuid: DISK, bytes: 6 };
  const volumes = { leftovers: new Map([['b', leftover]]), lost: new Set([DISK]), strangers: [stranger] };
  const found = differences({ volumes });
  t.deepEqual(
    found.map(({ kind, disk, since }) => [kind, disk, since]),
    [
      ['leftover', 'b', 3],
      ['volume-lost', DISK, null],
      ['stranger', DISK, null],
    ],
  );
  t.is(found[0]?.repair, 'POST /api/leftovers/b/adopt, or POST /api/leftovers/b/remove');
  t.regex(found[2]?.detail ?? '', /\.bk/);
});

test('a node under an alarm is a difference', t => {
  const [found] = differences({ nodes: [node({}, { alarm: 'another host answers' })] });
  t.like(found, { kind: 'node-alarm', node: 'n1', repair: 'POST /api/nodes/n1/agree' });
});

test('a node that does not answer is a difference where something depends on it', t => {
  const silent = node({ reachable: false }, { error: 'refused' });
  t.deepEqual(differences({ nodes: [silent] }), []);
  const [found] = differences({ nodes: [silent], attachments: [attachment()] });
  t.like(found, { kind: 'node-silent', node: 'n1', since: 7, detail: 'refused; 1 attachment there' });
  t.regex(found?.repair ?? '', /declare-dead/);
});

test('a node that could not be looked at is a difference, whatever is attached there', t => {
  const { holders, silent } = standInHolders();
  silent.set('key of n1', 'list timed out');
  silent.set('key of met', 'no route');
  t.deepEqual(
    differences({ holders }).map(one => [one.kind, one.node, one.detail]),
    [
      ['node-silent', 'n1', 'list timed out; 0 attachments there'],
      ['node-silent', 'met', 'no route; 0 attachments there'],
    ],
  );
});

test('a node that is not known any more is a difference while a hot-plugged disk is there', t => {
  const found = differences({ nodes: [], attachments: [attachment()] });
  t.like(found, { length: 1, 0: { kind: 'node-silent', node: 'n1' } });
  t.deepEqual(differences({ nodes: [], attachments: [attachment({ mode: 'cold' }, 'attached')] }), []);
});

test('a node that was declared dead is a difference while disks are attached there', t => {
  const declaredDead = { by: 'root', reason: 'burnt', since: 9 };
  const dead = node({ reachable: false }, { declaredDead });
  t.deepEqual(differences({ nodes: [dead] }), []);
  const [found, ...others] = differences({ nodes: [dead], attachments: [attachment()] });
  t.deepEqual(others, []);
  t.like(found, { kind: 'node-dead', node: 'n1', since: 9, repair: 'POST /api/nodes/n1/declare-alive' });
});

/** A drift watch over a pool that the test changes, with its events and its log. */
function watched() {
  const stand = standInHolders();
  const decided = createRecordIndex();
  const clock = { time: 1000 };
  const lines: Record<string, unknown>[] = [];
  let pool: VolumeDifferences | Error = same;
  let last = same;
  const watch = watchDrift({
    volumes: {
      async look() {
        if (pool instanceof Error) throw pool;
        last = pool;
        return last;
      },
      last: () => last,
      stop: async () => {},
    },
    holders: stand.holders,
    definitions: createDefinitionBook(),
    decided,
    truths: () => ({ nodes: [node()], keyOf: name => `key of ${name}`, nameOf: key => key }),
    log: pino({ level: 'info' }, { write: line => lines.push(JSON.parse(line)) }),
    now: () => 0,
    time: () => clock.time,
    questionMs: 1,
  });
  const news: DriftNews[] = [];
  watch.tell(one => news.push(one));
  return {
    ...stand,
    decided,
    clock,
    lines,
    watch,
    news,
    setPool(found: VolumeDifferences | Error) {
      pool = found;
    },
  };
}

const admin = { account: 'admin', role: 'admin' } as const;

test('a difference is reported once when it appears, keeps its time, and is reported when it disappears', async t => {
  const { watch, news, live, clock, lines } = watched();
  live.push(holderOf(DISK, { by: 'path' }));
  await watch.pass();
  clock.time = 2000;
  await watch.pass();
  t.deepEqual(
    news.map(({ kind, count, came, gone }) => [kind, count, came.length, gone.length]),
    [['unrecorded-use', 1, 1, 0]],
  );
  t.is(news[0]?.came[0]?.since, 1000);
  t.like(await watch.list(admin), { length: 1, 0: { kind: 'unrecorded-use', since: 1000 } });
  t.is(watch.counts().get('unrecorded-use'), 1);
  live.length = 0;
  await watch.pass();
  t.like(news.at(-1), { kind: 'unrecorded-use', count: 0, came: [], gone: { length: 1 } });
  t.is(watch.counts().get('unrecorded-use'), 0);
  t.like(lines, { length: 2, 0: { level: 50, disk: DISK, drift: 'unrecorded-use' }, 1: { level: 30 } });
});

test('a stranger that grows is one difference, two strangers of one disk are two', async t => {
  const { watch, news, setPool } = watched();
  const stranger = (name: string, bytes: number) => ({ name, uuid: DISK, bytes });
  setPool({ ...same, strangers: [stranger('a', 1)] });
  await watch.pass();
  setPool({ ...same, strangers: [stranger('a', 2), stranger('b', 1)] });
  await watch.pass();
  t.deepEqual(
    news.map(({ count, came, gone }) => [count, came.length, gone.length]),
    [
      [1, 1, 0],
      [2, 1, 0],
    ],
  );
});

test('every kind has its count, zero by default', t => {
  const { watch } = watched();
  t.deepEqual([...watch.counts()], Object.keys(driftKinds).map(kind => [kind, 0]) as [never, number][]);
});

test('a later listener is told the present number of each kind', async t => {
  const { watch, live } = watched();
  live.push(holderOf(DISK), holderOf('another'));
  await watch.pass();
  const later: DriftNews[] = [];
  watch.tell(one => later.push(one));
  t.deepEqual(later, [{ kind: 'unrecorded-use', count: 2, came: [], gone: [] }]);
});

test('a pool that does not answer is a difference, and its last list still counts', async t => {
  const { watch, setPool } = watched();
  setPool({ ...same, lost: new Set([DISK]) });
  await watch.pass();
  setPool(errorOf('POOL_UNAVAILABLE', { detail: 'not mounted' }));
  const found = await watch.list(admin);
  t.deepEqual(
    found.map(({ kind, detail }) => [kind, detail]),
    [
      ['volume-lost', 'the disk has no volume in the pool'],
      ['pool-unseen', 'not mounted'],
    ],
  );
});

test('where all volumes are lost a hundred are reported one by one, and the others as a number', async t => {
  const { watch, news, lines, setPool } = watched();
  setPool({ ...same, lost: new Set(Array.from({ length: 1000 }, (_, index) => `disk ${index}`)) });
  await watch.pass();
  t.like(news, { length: 1, 0: { count: 1000, came: { length: 100 } } });
  t.is(lines.length, 101);
  t.is((await watch.list(admin)).length, 1000);
});

test('a database older than its pool is reported once, at the first look', async t => {
  const { watch, lines, setPool, decided } = watched();
  const disk = { ...unbornDisk, uuid: DISK, sizeGiB: 1, created: 10 };
  decided.set(diskKey(DISK), { v: 2, state: 'available', context: disk });
  decided.set(attachmentKey('a'), attachment());
  const leftover = { uuid: 'b', bytes: 5, createdMs: 20, since: 30 };
  setPool({ ...same, leftovers: new Map([['b', leftover]]) });
  await watch.pass();
  await watch.pass();
  t.is(lines.filter(({ msg }) => String(msg).includes('database seems to be older')).length, 1);
});

test('differences are shown to administrators and the frontend only', async t => {
  const { watch } = watched();
  await t.throwsAsync(watch.list({ account: 'alice', role: 'user' }), { code: 'FORBIDDEN' });
  t.deepEqual(await watch.list({ account: 'cloud', role: 'service' }), []);
});
