// docs/api-contract.md, "Disks, VMs, limits": a test for each row, over HTTP, against the running service and
// fake nodes.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { until } from '../../testkit/until.ts';
import { type Answered, type Site, startSite } from './support/site.ts';

let site: Site;
test.before(async () => {
  // Long enough for a busy computer to carry out two dozen plugs at once.
  site = await startSite();
});
test.after.always(() => site?.end());
test.afterEach.always(t => {
  if (!t.passed) t.log(site?.service.log().slice(-1500));
});

const post = (path: string, node: string, vm_id: string) => site.ask('POST', path, { form: { node, vm_id } });
const hotattach = (uuid: string, vm: string, node = 'n1') => post(`/api/hotattach/${uuid}`, node, vm);
const hotdetach = (uuid: string, vm: string, node = 'n1') => post(`/api/hotdetach/${uuid}`, node, vm);
const attach = (uuid: string, vm: string, node = 'n1') => post(`/api/attach/${uuid}`, node, vm);
const detach = (vm: string, node = 'n1') => post('/api/detach', node, vm);
const setLimit = (uuid: string, limit: unknown) =>
  site.ask('PUT', `/api/disks/${uuid}/limit`, { json: { limit } });
const element = (uuid: string, vm: string, more = '') =>
  site.ask('GET', `/api/disks/${uuid}/libvirt?node=n1&vm_id=${vm}${more}`);
const uuidsOf = ({ text }: Answered): string[] => JSON.parse(text).uuid;
const targetOf = ({ text }: Answered): string => JSON.parse(text).target;

async function limits(uuid: string): Promise<(string | null)[]> {
  const { headers, text } = await site.ask('GET', `/api/disks/${uuid}`);
  return [headers.get('x-diskuser-limit'), headers.get('x-diskuser-remaining'), JSON.parse(text).users];
}
const untilUsers = (uuid: string, users: string) =>
  until(async () => (await limits(uuid))[2] === users, `${users} users of ${uuid}`);

test('user limit: 1 by default, in the headers; changed only while the disk has no users; a VM counts once', async t => {
  const uuid = await site.create();
  t.deepEqual(await limits(uuid), ['1', '1', '0']);
  const changed = await setLimit(uuid, 3);
  t.deepEqual([changed.status, changed.text], [200, `{"uuid":"${uuid}","limit":"3"}`]);
  t.deepEqual(await limits(uuid), ['3', '3', '0']);
  const vm = site.addVm();
  await hotattach(uuid, vm);
  t.deepEqual(await limits(uuid), ['3', '2', '1']);
  t.is((await hotattach(uuid, vm)).code, 'ALREADY_ATTACHED');
  t.deepEqual(await limits(uuid), ['3', '2', '1']);
  t.is((await setLimit(uuid, 1)).code, 'DISK_IN_USE');
  await hotdetach(uuid, vm);
  await attach(uuid, 'limit');
  t.is((await setLimit(uuid, 1)).code, 'DISK_IN_USE');
  await detach('limit');
  t.is((await setLimit(uuid, 1)).status, 200);
  t.deepEqual(await limits(uuid), ['1', '1', '0']);
  for (const limit of [0, -1, 1001, 1.5, '01', 'x', '', null])
    t.is((await setLimit(uuid, limit)).code, 'BAD_INPUT', String(limit));
});

test('limit reached on hotattach: 400 and nothing happens, under any race', async t => {
  const uuid = await site.create();
  const vms = Array.from({ length: 12 }, () => site.addVm());
  const outcomes = (await Promise.all(vms.map(vm => hotattach(uuid, vm)))).map(({ code }) => code);
  t.is(outcomes.filter(code => code === 200).length, 1);
  t.is(outcomes.filter(code => code === 'LIMIT_REACHED').length, 11);
  t.deepEqual(await limits(uuid), ['1', '0', '1']);
  t.is(vms.filter(vm => site.n1.domain(`one-${vm}`).disks.length > 0).length, 1);
});

test('limit above 1: every attachment is shareable; with limit 1 never', async t => {
  const uuid = await site.create();
  const shareable = async (): Promise<boolean> => {
    const vm = site.addVm();
    await hotattach(uuid, vm);
    const [disk] = site.n1.domain(`one-${vm}`).disks;
    await attach(uuid, 'shared');
    t.is((await element(uuid, 'shared')).text.includes('<shareable/>'), disk?.shareable ?? false);
    await detach('shared');
    await hotdetach(uuid, vm);
    return disk?.shareable ?? false;
  };
  t.false(await shareable());
  await setLimit(uuid, 2);
  t.true(await shareable());
  const two = [site.addVm(), site.addVm()];
  for (const vm of two) t.is((await hotattach(uuid, vm)).status, 200);
  t.is((await hotattach(uuid, site.addVm())).code, 'LIMIT_REACHED');
  for (const vm of two) await hotdetach(uuid, vm);
  await setLimit(uuid, 1);
  t.false(await shareable());
});

test('which VM is meant: exactly one running domain, kept by its UUID; a new one of the same name is another', async t => {
  const uuid = await site.create();
  site.n1.addDomain({ name: 'twin' });
  site.n1.addDomain({ name: 'one-twin' });
  const ambiguous = await hotattach(uuid, 'twin');
  t.is(ambiguous.code, 'VM_AMBIGUOUS');
  for (const name of ['twin', 'one-twin'])
    t.true(ambiguous.messages.join().includes(`${name} (${site.n1.domain(name).uuid})`));
  site.n1.destroy('twin');
  t.is((await hotattach(uuid, 'twin')).status, 200);
  t.is((await hotattach(uuid, 'one-twin')).code, 'ALREADY_ATTACHED');
  t.is((await hotdetach(uuid, 'twin', 'N1-ALIAS.example')).status, 200);
});

test.serial(
  'hotattach answers: a VM that is unknown or not running, a node not configured, no PCI slot, a locked image, a disk already there: 400; node silent: 503',
  async t => {
    const uuid = await site.create();
    const running = site.addVm();
    site.n1.addDomain({ name: 'off', running: false });
    t.is((await hotattach(uuid, 'nowhere')).code, 'VM_UNKNOWN');
    t.is((await hotattach(uuid, 'off')).code, 'VM_NOT_RUNNING');
    t.is((await hotattach(uuid, running, 'n9')).code, 'NODE_NOT_CONFIGURED');
    t.is((await hotattach(uuid, site.addVm('n1', { ports: 0 }))).code, 'NO_PCI_SLOT');
    const message = `internal error: unable to execute QEMU command 'device_add': Failed to get "write" lock`;
    site.n2.faults.inject('domainAttachDeviceFlags', { kind: 'refuse', code: 1, message });
    t.is((await hotattach(uuid, site.addVm('n2'), 'n2')).code, 'IMAGE_LOCKED');
    t.is((await hotattach(uuid, '1', 'silent')).code, 'NODE_UNREACHABLE');
    t.deepEqual(await limits(uuid), ['1', '1', '0']);
    t.is((await hotattach(uuid, running)).status, 200);
    t.is((await hotattach(uuid, running)).code, 'ALREADY_ATTACHED');
  },
);

test('hotattach with an outcome that is unknown at the deadline: 504, and the disk stays accounted for until the truth is known', async t => {
  // Long enough for a busy computer to send the call.
  const own = await startSite({ attach_timeout: 8 });
  try {
    const uuid = await own.create();
    const vm_id = own.addVm('n2');
    let answer = (): void => {};
    const answered = new Promise<void>(resolve => {
      answer = resolve;
    });
    own.n2.faults.inject('domainAttachDeviceFlags', { kind: 'delay', until: answered });
    // libvirt carries out the changes of one domain one after the other.
    own.n2.faults.inject('domainDetachDeviceAlias', { kind: 'delay', until: answered }, 100);
    const unknown = await own.ask('POST', `/api/hotattach/${uuid}`, { form: { node: 'n2', vm_id } });
    t.deepEqual([unknown.status, unknown.code], [504, 'PLUG_UNKNOWN']);
    const users = async () => JSON.parse((await own.ask('GET', `/api/disks/${uuid}`)).text).users;
    t.is(await users(), '1');
    t.is((await own.ask('DELETE', `/api/disks/${uuid}`)).code, 'DISK_IN_USE');
    answer();
    await until(async () => (await users()) === '0', 'the truth');
    t.deepEqual(own.n2.domain(`one-${vm_id}`).disks, []);
  } finally {
    await own.end();
  }
});

test('target: the first free one of that VM from the live domain and our reservations; freed ones are used again; none free is 400', async t => {
  const vm = site.addVm('n1', { ports: 40 });
  const [a, b, c] = [await site.create(), await site.create(), await site.create()] as [
    string,
    string,
    string,
  ];
  t.is(targetOf(await hotattach(a, vm)), 'vda');
  t.is(targetOf(await hotattach(b, vm)), 'vdb');
  await hotdetach(a, vm);
  t.is(targetOf(await hotattach(c, vm)), 'vda');
  const targets = new Set(['vda', 'vdb']);
  const others = await Promise.all(Array.from({ length: 24 }, () => site.create()));
  for (const answer of await Promise.all(others.map(uuid => hotattach(uuid, vm))))
    targets.add(targetOf(answer));
  t.deepEqual(
    [...targets].sort(),
    [...'abcdefghijklmnopqrstuvwxyz'].map(letter => `vd${letter}`),
  );
  t.is((await hotattach(a, vm)).code, 'NO_FREE_TARGET');
});

test('hot means live: a reboot keeps it, the end of the run ends it', async t => {
  const uuid = await site.create();
  const vm = site.addVm();
  await hotattach(uuid, vm);
  site.n1.reset(`one-${vm}`);
  t.deepEqual(await limits(uuid), ['1', '0', '1']);
  site.n1.destroy(`one-${vm}`);
  await untilUsers(uuid, '0');
  site.n1.start(`one-${vm}`);
  t.deepEqual(site.n1.domain(`one-${vm}`).disks, []);
});

test('hotdetach of a disk that was not hot-plugged: 400, before the node is asked; of one whose domain is gone: 200', async t => {
  const uuid = await site.create();
  await attach(uuid, 'cold', 'silent');
  t.is((await hotdetach(uuid, 'cold', 'silent')).code, 'NOT_HOT_PLUGGED');
  await detach('cold', 'silent');
  t.is((await hotdetach(uuid, 'cold', 'silent')).code, 'ATTACHMENT_UNKNOWN');
  const vm = site.addVm();
  await hotattach(uuid, vm);
  site.n1.destroy(`one-${vm}`);
  await untilUsers(uuid, '0');
  const gone = await hotdetach(uuid, vm);
  t.deepEqual([gone.status, uuidsOf(gone)], [200, []]);
});

test('attach: no availability check, for nodes that are not configured too; twice is one user; a hot-plugged disk is 400; remaining never below 0', async t => {
  const uuid = await site.create();
  for (const node of ['n1', 'silent', 'n9'])
    t.is((await attach(uuid, 'before launch', node)).status, 200, node);
  t.deepEqual(uuidsOf(await attach(uuid, 'before launch')), [uuid]);
  t.deepEqual(await limits(uuid), ['1', '0', '3']);
  t.is((await site.ask('DELETE', `/api/disks/${uuid}`)).code, 'DISK_IN_USE');
  const plugged = await site.create();
  const vm = site.addVm();
  await hotattach(plugged, vm);
  t.is((await attach(plugged, vm)).code, 'HOT_PLUGGED');
});

test('the disk element for the launch: for a registered attachment, as XML, from vdb on; target= chooses; the target is kept and reserved', async t => {
  const vm = 'element';
  const [a, b, c] = [await site.create(), await site.create(), await site.create()] as [
    string,
    string,
    string,
  ];
  t.is((await element(a, vm)).code, 'ATTACHMENT_UNKNOWN');
  for (const uuid of [a, b, c]) await attach(uuid, vm);
  const first = await element(a, vm);
  t.is(first.headers.get('content-type'), 'application/xml');
  t.regex(first.text, /^<disk type="file" device="disk">[\s\S]*<\/disk>\s*$/);
  t.true(first.text.includes(`<serial>${a.replaceAll('-', '')}</serial>`));
  t.regex(first.text, /<target dev="vdb" bus="virtio"\/>/);
  t.regex((await element(b, vm)).text, /dev="vdc"/);
  t.is((await element(a, vm)).text, first.text);
  t.is((await element(c, vm, '&target=vdc')).code, 'TARGET_TAKEN');
  t.regex((await element(c, vm, '&target=vdz')).text, /dev="vdz"/);
  t.is((await element(c, vm, '&target=sda')).code, 'BAD_INPUT');
});

test.serial(
  'detach while the VM still runs: 400 and nothing is released; node not configured: the word of the caller; node silent: cold ones only',
  async t => {
    const [hot, cold] = [await site.create(), await site.create()];
    const vm = site.addVm();
    await hotattach(hot, vm);
    await attach(cold, vm);
    t.is((await detach(vm)).code, 'VM_RUNNING');
    for (const uuid of [hot, cold]) t.is((await limits(uuid))[2], '1');
    site.n1.destroy(`one-${vm}`);
    const released = await detach(vm);
    t.deepEqual([released.status, uuidsOf(released).sort()], [200, [hot, cold].sort()]);
    for (const node of ['silent', 'n9']) {
      await attach(cold, 'far', node);
      t.deepEqual(uuidsOf(await detach('far', node)), [cold], node);
    }
    const onSecond = site.addVm('n2');
    await hotattach(hot, onSecond, 'n2');
    await site.n2.stop();
    t.is((await detach(onSecond, 'n2')).code, 'VM_FATE_UNKNOWN');
    t.is((await limits(hot))[2], '1');
    await site.n2.listen();
  },
);

test('detach after pdisk has seen the VM die: 200 with those uuids, once', async t => {
  const uuid = await site.create();
  const vm = site.addVm();
  await hotattach(uuid, vm);
  site.n1.destroy(`one-${vm}`);
  await untilUsers(uuid, '0');
  t.deepEqual(uuidsOf(await detach(vm)), [uuid]);
  t.is((await detach(vm)).code, 'VM_HAS_NO_DISKS');
});

test('detach after a death: no more once the VM uses a disk again', async t => {
  const [before, after] = [await site.create(), await site.create()];
  const vm = site.addVm();
  await hotattach(before, vm);
  site.n1.destroy(`one-${vm}`);
  await untilUsers(before, '0');
  await attach(after, vm);
  t.deepEqual(uuidsOf(await detach(vm)), [after]);
  t.is((await detach(vm)).code, 'VM_HAS_NO_DISKS');
});

test('deleting a disk: its file is gone when that is answered', async t => {
  const uuid = await site.create();
  const files = async () => (await readdir(site.service.pool)).filter(name => name.startsWith(uuid));
  t.is((await files()).length, 1);
  t.is((await site.ask('DELETE', `/api/disks/${uuid}`)).status, 200);
  t.deepEqual(await files(), []);
});

test('user limit: the setting is copied into each disk when it is made', async t => {
  const own = await startSite({ user_limit: 2 });
  try {
    const limitOf = async (uuid: string) =>
      (await own.ask('HEAD', `/api/disks/${uuid}`)).headers.get('x-diskuser-limit');
    const before = await own.create();
    t.is(await limitOf(before), '2');
    const file = join(own.service.pool, '../../pdisk.yaml');
    await writeFile(file, (await readFile(file, 'utf8')).replace('user_limit: 2', 'user_limit: 3'));
    await own.service.kill();
    await own.service.start();
    t.deepEqual([await limitOf(before), await limitOf(await own.create())], ['2', '3']);
  } finally {
    await own.end();
  }
});

test('detach of a VM without disks: 400', async t => {
  for (const node of ['n1', 'n9', 'silent']) t.is((await detach('diskless', node)).code, 'VM_HAS_NO_DISKS');
});

test('deleting a disk in use: 400, and nothing happens; a second DELETE is 400', async t => {
  const uuid = await site.create();
  const vm = site.addVm();
  await hotattach(uuid, vm);
  t.is((await site.ask('DELETE', `/api/disks/${uuid}`)).code, 'DISK_IN_USE');
  t.deepEqual(await limits(uuid), ['1', '0', '1']);
  await hotdetach(uuid, vm);
  t.is((await site.ask('DELETE', `/api/disks/${uuid}`)).status, 200);
  t.is((await site.ask('DELETE', `/api/disks/${uuid}`)).code, 'DISK_UNKNOWN');
});

test('a quota holds where disks are made and made larger at once', async t => {
  const as = 'erna' as never;
  await site.ask('PUT', '/api/users/erna', { form: { password: 'correct horse', role: 'user' } });
  const uuids = await Promise.all(Array.from({ length: 4 }, () => site.create(as)));
  await site.ask('PUT', '/api/users/erna/quota', { form: { disks: '8', size: '10' } });
  const outcomes = await Promise.all([
    ...uuids.map(uuid => site.ask('POST', `/api/resize/${uuid}`, { as, form: { size: '3' } })),
    ...Array.from({ length: 10 }, () =>
      site.ask('POST', '/api/create', { as, form: { size: '1', tag: '', visibility: 'private' } }),
    ),
  ]);
  for (const { status, code } of outcomes)
    if (status >= 300) t.deepEqual([status, code], [400, 'QUOTA_EXCEEDED']);
  const listed: { owner: string; size: string }[] = JSON.parse(
    (await site.ask('GET', '/api/disks', { as })).text,
  );
  const sizes = listed.filter(({ owner }) => owner === 'erna').map(({ size }) => Number(size));
  const total = sizes.reduce((sum, size) => sum + size, 0);
  // One disk more, or two GiB more, would exceed the quota.
  t.true(sizes.length <= 8 && total <= 10 && (sizes.length === 8 || total >= 9), `${sizes}`);
});

test('a quota holds under any race: refused with 400 and the figures, and a deleted disk makes room', async t => {
  const form = { password: 'correct horse', role: 'user' };
  await site.ask('PUT', '/api/users/dora', { form });
  await site.ask('PUT', '/api/users/dora/quota', { form: { disks: '3', size: '5' } });
  const create = (size: string) =>
    site.ask('POST', '/api/create', { as: 'dora' as never, form: { size, tag: '', visibility: 'private' } });
  const made = await Promise.all(Array.from({ length: 12 }, () => create('1')));
  t.is(made.filter(({ status }) => status === 201).length, 3);
  const refused = made.filter(({ status }) => status !== 201);
  for (const { status, code } of refused) t.deepEqual([status, code], [400, 'QUOTA_EXCEEDED']);
  t.regex(refused[0]?.messages[0] ?? '', /3 of 3 disks and 3 of 5 GiB taken, 1 GiB asked for/);
  const one = made.find(({ status }) => status === 201);
  await site.ask('DELETE', `/api/disks/${JSON.parse(one?.text ?? '').uuid}`);
  t.is((await create('4')).code, 'QUOTA_EXCEEDED');
  t.is((await create('3')).status, 201);
  await site.ask('DELETE', '/api/users/dora/quota');
  t.is((await create('4')).status, 201);
});

test('errors about a reached limit or a disk in use name the VMs only to accounts that may know them', async t => {
  const uuid = await site.create('alice', 'public');
  const vm_id = site.addVm();
  const form = { node: 'N1', vm_id };
  await site.ask('POST', `/api/hotattach/${uuid}`, { as: 'alice', form });
  const other = { form: { node: 'n2', vm_id: site.addVm('n2') } };
  const named = `VM '${vm_id}' on node 'N1'`;
  for (const as of ['alice', 'cloud', 'admin'] as const) {
    const { code, messages } = await site.ask('POST', `/api/hotattach/${uuid}`, { as, ...other });
    t.deepEqual([code, messages[0]?.includes(named)], ['LIMIT_REACHED', true], as);
  }
  const stranger = await site.ask('POST', `/api/hotattach/${uuid}`, { as: 'bob', ...other });
  t.is(stranger.code, 'LIMIT_REACHED');
  t.false(stranger.text.includes("VM '"));
  const inUse = await site.ask('DELETE', `/api/disks/${uuid}`, { as: 'alice' });
  t.is(inUse.messages[0], `disk ${uuid} is in use: ${named}; detach it from every VM first`);
  const limited = await site.ask('PUT', `/api/disks/${uuid}/limit`, { form: { limit: '2' } });
  t.true(limited.messages[0]?.includes(named));
});

test("a tab may be in a VM's name, as libvirt has it", async t => {
  site.n1.addDomain({ name: 'a\tb' });
  const uuid = await site.create('alice');
  const form = { node: 'n1', vm_id: 'a\tb' };
  t.is((await site.ask('POST', `/api/hotattach/${uuid}`, { as: 'alice', form })).code, 200);
  t.is((await site.ask('POST', `/api/hotdetach/${uuid}`, { as: 'alice', form })).code, 200);
});
