import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type FakeLibvirtd, startFakeLibvirtd } from '../../testkit/fakes/libvirtd.ts';
import { createFileSystem, type Image, LUCKS } from './support/file-system.ts';
import { bytesOf, imageIn } from './support/images.ts';
import { type Recorded, type Recording, record, whyNoTrace } from './support/recording.ts';
import { faultsOf, roomy, type State, statesOf } from './support/states.ts';
import type { Step } from './support/trace.ts';

const GIB = 2 ** 30;
const why = whyNoTrace();
/** Recoveries at once: they mostly wait for threads. */
const AT_ONCE = 4;

/** A run with the files that were there before, and what they were. */
interface Run extends Recording {
  readonly initial: Image;
  readonly before: ReadonlyMap<string, string>;
  /** The files afterwards. */
  readonly left: Image;
}

let folder = '';
let node: FakeLibvirtd | undefined;
let runs: Promise<{ readonly first: Run; readonly second: Run }> | undefined;

const disk = (uuid: string, value: string | null) => ({ [`disk ${uuid}`]: value });

async function create({ call }: Recorded, tag: string): Promise<string> {
  const form = { size: '1', tag, visibility: 'private' };
  const made = await call('POST', '/api/create', form, ({ uuid }: { uuid: string }) =>
    disk(uuid, `1 GiB, '${tag}'`),
  );
  return (made as { uuid: string }).uuid;
}

/** The first start, and every kind of change. */
async function firstLife(service: Recorded): Promise<void> {
  const { call } = service;
  const account = { password: 'correct horse', role: 'user' };
  await call('PUT', '/api/users/alice', account, () => ({ 'account alice': 'user' }));
  await call('PUT', '/api/users/bob', account, () => ({ 'account bob': 'user' }));
  const [one, two] = [await create(service, 'one'), await create(service, 'two')];
  await Promise.all(['three', 'four', 'five', 'six'].map(tag => create(service, tag)));
  await call('POST', `/api/resize/${one}`, { size: '2' }, () => disk(one, "2 GiB, 'one'"));
  await call('PATCH', `/api/disks/${one}`, { tag: 'uno' }, () => disk(one, "2 GiB, 'uno'"));
  await call('DELETE', `/api/disks/${two}`, undefined, () => disk(two, null));
  await call('PUT', '/api/users/alice', { ...account, role: 'service' }, () => ({
    'account alice': 'service',
  }));
  await call('DELETE', '/api/users/bob', undefined, () => ({ 'account bob': null }));
  await create(service, 'seven');
}

/** A later start, with two volumes that belong to no disk. */
const secondLife =
  (adopted: string, removed: string) =>
  async (service: Recorded): Promise<void> => {
    const { call } = service;
    const form = { owner: 'alice', tag: 'found', visibility: 'private' };
    await call('POST', `/api/leftovers/${adopted}/adopt`, form, () => ({
      ...disk(adopted, "1 GiB, 'found'"),
      [`volume ${adopted}`]: null,
    }));
    await call('POST', `/api/leftovers/${removed}/remove`, undefined, () => ({
      [`volume ${removed}`]: null,
    }));
    const last = await create(service, 'last');
    await call('DELETE', `/api/disks/${last}`, undefined, () => disk(last, null));
  };

/** The things that a run leaves when it has ended as it should. */
function thingsAfter({ facts, before }: Run): Map<string, string> {
  const things = new Map(before);
  for (const { thing, value } of facts) {
    if (value === null) things.delete(thing);
    else things.set(thing, value);
  }
  return things;
}

async function recordBoth() {
  folder = await mkdtemp(join(roomy, 'pdisk-recording-'));
  const site = join(folder, 'site');
  await mkdir(site);
  node = await startFakeLibvirtd({ unix: join(folder, 'node') });
  const nodes = { n1: node.uri };
  let password = '';
  const one = await record(folder, nodes, '', async service => {
    password = service.password;
    await firstLife(service);
  });
  const first = { ...one, initial: new Map(), before: new Map(), left: imageIn(site) };
  const before = thingsAfter(first);
  const [adopted, removed] = [randomUUID(), randomUUID()];
  for (const uuid of [adopted, removed]) {
    await writeFile(join(site, 'data/pool', `${uuid}.raw`), '');
    await truncate(join(site, 'data/pool', `${uuid}.raw`), GIB);
    before.set(`volume ${uuid}`, `${GIB} bytes`);
  }
  const initial = imageIn(site);
  const two = await record(folder, nodes, password, secondLife(adopted, removed));
  return { first, second: { ...two, initial, before, left: imageIn(site) } };
}

const recorded = () => {
  runs ??= recordBoth();
  return runs;
};

test.after.always(async () => {
  await node?.stop();
  if (folder !== '') await rm(folder, { recursive: true, force: true });
});

const traced: (title: string, run: (t: ExecutionContext) => Promise<void>) => void = why
  ? (title, run) => test.serial.skip(`${title} (${why})`, run)
  : (title, run) => test.serial(title, run);

async function faultsIn({ facts, before }: Run, states: readonly State[], enough: number): Promise<string[]> {
  const faults: string[] = [];
  const left = [...states];
  const work = async (): Promise<void> => {
    for (let state = left.pop(); state && faults.length < enough; state = left.pop())
      faults.push(...(await faultsOf(state, facts, before)));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return faults;
}

const siteOf = (): string => join(folder, 'site');

traced('the model of the file system ends with the files that the service has left', async t => {
  const { first, second } = await recorded();
  for (const { steps, initial, left } of [first, second]) {
    const system = createFileSystem(siteOf(), initial);
    for (const step of steps) system.take(step);
    const seen = system.seen();
    t.deepEqual([...seen.keys()].sort(), [...left.keys()].sort());
    for (const [path, content] of left) {
      const modelled = seen.get(path) ?? 'folder';
      if (content === 'folder' || modelled === 'folder') t.is(content, modelled, path);
      else t.true(bytesOf(content).equals(bytesOf(modelled)) && content.size === modelled.size, path);
    }
  }
});

const states = new Map<string, readonly State[]>();

for (const life of ['first', 'second'] as const) {
  for (const luck of LUCKS) {
    traced(`power fails at any moment of the ${life} run and leaves ${luck}: promises hold`, async t => {
      const run = (await recorded())[life];
      const all = states.get(life) ?? statesOf(run, siteOf(), run.initial);
      states.set(life, all);
      const mine = all.filter(state => state.luck === luck);
      t.log(
        `${mine.length} of ${all.length} states, ${run.facts.length} promises, ${run.steps.length} steps`,
      );
      t.true(mine.length > 0);
      t.deepEqual(await faultsIn(run, mine, 20), []);
    });
  }
}

/** The run without the fsyncs of these paths; `later`: only once the service serves. */
function withoutSync(run: Run, path: RegExp, later = false): Run {
  const served = run.steps.findIndex(step => step.kind === 'sent' && step.text.startsWith('account admin'));
  const isSync = ({ kind }: Step): boolean => kind === 'sync-begins' || kind === 'sync-ends';
  const steps = run.steps.filter(
    (step, at) => !(isSync(step) && 'path' in step && path.test(step.path) && (!later || at > served)),
  );
  return { ...run, steps };
}

/** The run with each answer as early as before the last fsync of the database's log. */
function answersFirst(run: Run): Run {
  const steps: Step[] = [];
  for (const step of run.steps) {
    const isAnswer = step.kind === 'sent' && step.text.startsWith('HTTP/1.1 2');
    const at = steps.findLastIndex(
      ({ kind, ...one }) => kind === 'sync-begins' && 'path' in one && /log$/.test(one.path),
    );
    if (isAnswer && at >= 0) steps.splice(at, 0, step);
    else steps.push(step);
  }
  return { ...run, steps };
}

const broken: readonly [string, (run: Run) => Run, RegExp][] = [
  [
    'the names in the pool are not synced',
    run => withoutSync(run, /pool$/, true),
    /has a volume of no bytes/,
  ],
  ['a volume is not synced', run => withoutSync(run, /\.raw$/), /has a volume of 0 bytes/],
  [
    "the database's log is not synced",
    run => withoutSync(run, /\.log$/),
    /does not start|is not there instead of/,
  ],
  [
    'the names in the data folder are not synced',
    run => withoutSync(run, /data$/),
    /does not start|is not there instead of/,
  ],
  ['the head is not synced before its name', run => withoutSync(run, /head\.new$/), /head is damaged/],
  ['an answer comes before its commit', answersFirst, /is not there instead of/],
];

for (const [what, change, fault] of broken) {
  traced(`it is found if ${what}`, async t => {
    const run = change((await recorded()).first);
    const few = statesOf(run, siteOf(), run.initial, ['only what was synced', 'names without bytes']);
    const faults = await faultsIn(run, few, 50);
    t.true(
      faults.some(one => fault.test(one)),
      faults.join('\n'),
    );
  });
}
