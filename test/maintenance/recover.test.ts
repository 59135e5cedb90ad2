// `pdiskd recover`: the store is lost, and the volumes are there. With the real service and its commands as
// processes, and a fake libvirtd as the node.
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { runCommand } from '../../testkit/command.ts';
import { startFakeLibvirtd } from '../../testkit/fakes/libvirtd.ts';
import { type Service, startService } from '../../testkit/service.ts';
import { until } from '../../testkit/until.ts';
import { folder } from '../process/support/spawned.ts';

const DISKS = 1000;
const ATTACHED = 20;
const VMS = 5;
/** How many requests are in progress at once. */
const AT_ONCE = 50;
const PASSWORD = 'correct horse';

interface Disk {
  readonly uuid: string;
  readonly owner: string;
  readonly tag: string;
  readonly visibility: string;
  readonly size: number;
  readonly limit: number;
  readonly attachments: readonly { readonly vm_id: string; readonly state: string }[];
}

async function site(t: ExecutionContext) {
  const directory = await folder(t);
  const node = await startFakeLibvirtd({ unix: join(directory, 'n1') });
  const service = await startService({ nodes: { n1: node.uri }, overcommit: 10_000 });
  t.teardown(async () => {
    await service.remove();
    await node.stop();
  });
  return { node, service };
}

/** Calls `work` with 0 to `count` - 1, some at once; the results are in that order. */
async function many<T>(count: number, work: (number: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  const numbers = Array.from({ length: count }, (_, index) => index).values();
  const worker = async (): Promise<void> => {
    for (const number of numbers) results[number] = await work(number);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}

async function disksOf(service: Service, as?: string): Promise<Map<string, Disk>> {
  const { body } = await service.call('GET', '/api/disks?view=full', as ? { as } : {});
  return new Map((body as Disk[]).map(disk => [disk.uuid, disk]));
}

const labelsOf = (service: Service): Promise<string> => readFile(join(service.pool, '.pdisk-disks'), 'utf8');
const lose = (service: Service): Promise<void> => rm(join(dirname(service.pool), 'db'), { recursive: true });
const images = async (service: Service): Promise<string[]> =>
  (await readdir(service.pool)).filter(name => name.endsWith('.raw')).sort();

const shown = ({ uuid, owner, tag, visibility, size, limit }: Disk) => ({
  uuid,
  owner,
  tag,
  visibility,
  size,
  limit,
});

test('after the loss of the store every disk is there again with owner and tag, and attached where it was', async t => {
  const { node, service } = await site(t);
  for (let vm = 0; vm < VMS; vm += 1) node.addDomain({ name: `one-${vm}`, ports: ATTACHED });
  const accounts = [await service.account('alice', 'user'), await service.account('bob', 'user'), undefined];
  const uuids = await many(DISKS, async number => {
    const form = {
      size: '1',
      tag: `disk ${number} – "ü"\n`,
      visibility: number % 7 === 0 ? 'public' : 'private',
    };
    const as = accounts[number % accounts.length];
    const reply = await service.call('POST', '/api/create', { form, ...(as ? { as } : {}) });
    t.is(reply.status, 201, reply.text);
    return (reply.body as Disk).uuid;
  });
  const gone = uuids.pop() ?? '';
  t.is((await service.call('DELETE', `/api/disks/${gone}`)).status, 200);
  const [edited = '', limited = '', grown = ''] = uuids.slice(-3);
  await service.call('PATCH', `/api/disks/${edited}`, { form: { tag: 'another tag' } });
  await service.call('PUT', `/api/disks/${limited}/limit`, { form: { limit: '3' } });
  await service.call('POST', `/api/resize/${grown}`, { form: { size: '2' } });
  await many(ATTACHED, async number => {
    const form = { node: 'n1', vm_id: String(number % VMS) };
    const reply = await service.call('POST', `/api/hotattach/${uuids[number]}`, { form });
    t.is(reply.status, 200, reply.text);
  });
  const before = await disksOf(service);
  t.is(before.size, uuids.length);
  t.is(before.get(grown)?.size, 2);
  const volumes = await images(service);
  await until(async () => (await labelsOf(service)).includes(`{"uuid":"${gone}","gone":true}`), 'the labels');
  await until(async () => {
    const text = await labelsOf(service);
    return text.includes('another tag') && text.includes(`"sizeGiB":2`) && text.includes(`"limit":3`);
  }, 'the labels of what was changed');

  await service.kill();
  await lose(service);
  const recovered = await runCommand(service, ['recover'], { PDISK_ADMIN_PASSWORD: PASSWORD });
  t.is(recovered.status, 0, recovered.stderr);
  t.regex(
    recovered.stdout,
    new RegExp(`^${uuids.length} disks have records again, ${ATTACHED} of them are in live domains`),
  );
  t.regex(recovered.stdout, /2 accounts are there again .*alice, bob/);
  await service.start();
  const after = await until(async () => {
    const disks = await disksOf(service);
    const attached = [...disks.values()].filter(({ attachments }) => attachments.length > 0);
    return attached.length === ATTACHED ? disks : undefined;
  }, 'the attached disks');
  for (const [uuid, disk] of before) {
    const again = after.get(uuid);
    t.deepEqual(again && shown(again), shown(disk));
    const vms = ({ attachments }: Disk) => attachments.map(({ vm_id }) => vm_id.replace('one-', ''));
    t.deepEqual(again && vms(again), vms(disk));
  }
  t.is(after.size, before.size);
  t.deepEqual(await images(service), volumes);
  const { body } = await service.call('GET', '/api/leftovers');
  t.deepEqual(body, []);
  // The disks are their owners' again as soon as these have a password.
  t.is((await service.call('GET', '/api/disks', { as: `alice:${PASSWORD}` })).status, 401);
  const alice = await service.account('alice', 'user');
  const hers = [...(await disksOf(service, alice)).values()].filter(({ owner }) => owner === 'alice');
  t.is(hers.length, [...before.values()].filter(({ owner }) => owner === 'alice').length);
});

test('nothing is recovered beside a store, past a silent node, or from the pool of another pdisk', async t => {
  const { node, service } = await site(t);
  await service.create();
  const refused = async (why: RegExp) => {
    const { status, stderr } = await runCommand(service, ['recover']);
    t.is(status, 1);
    t.regex(stderr, why);
  };
  const data = dirname(service.pool);
  await refused(/the service of .* runs; end it first/);
  await service.stop();
  await refused(/has a store .*Restore a backup/);
  await lose(service);
  await node.stop();
  await refused(/node 'n1' does not tell .*Nothing was made/);
  t.false((await readdir(data)).includes('db'));
  await node.listen();
  const owner = await readFile(join(data, 'owner'), 'utf8');
  for (const name of ['owner', 'head', 'reserve', 'admin-password'])
    await rm(join(data, name), { force: true });
  await refused(/the pool belongs to the pdisk .*--take-pool/);
  const taken = await runCommand(service, ['recover', '--take-pool']);
  t.is(taken.status, 0, taken.stderr);
  t.regex(taken.stdout, /^1 disks have records again/);
  t.regex(taken.stdout, /account admin, password \S+ \(kept in /);
  t.is(await readFile(join(data, 'owner'), 'utf8'), owner);
  t.is((await stat(join(data, 'owner'))).mode & 0o777, 0o600);
});
