// docs/api-contract.md, "Who may do what": a test for each row, for every kind of caller.
import test from 'ava';
import { basic } from '../../testkit/http.ts';
import { everybody, type Site, startSite, type Who } from './support/site.ts';

let site: Site;
test.before(async () => {
  site = await startSite();
});
test.after.always(() => site?.end());
test.afterEach.always(t => {
  if (!t.passed) t.log(site?.service.log().slice(-1500));
});

type Expected = Record<Who, string | number>;
const NOBODYS = 'eb198dec-3560-4a9a-b3b4-5f043410a3dd';

/** The answers to each kind of caller, each to a request of its own. */
async function answers(question: (as: Who) => Promise<{ code: string | number }>): Promise<Expected> {
  const found: Partial<Expected> = {};
  for (const as of everybody) found[as] = (await question(as)).code;
  return found as Expected;
}

const nobody = 'UNAUTHENTICATED';
const on = (vm_id: string, node = 'n1') => ({ node, vm_id });

test('authentication: 401 and a Basic challenge when credentials are missing or wrong', async t => {
  for (const authorization of [
    '',
    basic('alice', 'wrong'),
    basic('nobody'),
    'Basic',
    'Bearer x',
    'Digest x',
  ]) {
    const { status, headers } = await site.ask('GET', '/api/disks', {
      as: '',
      headers: authorization ? { authorization } : {},
    });
    t.deepEqual([status, headers.get('www-authenticate')], [401, 'Basic realm="pdisk"'], authorization);
  }
});

test('roles: accounts, quotas, limits and alarms are for administrators', async t => {
  const form = { password: 'a password', role: 'user' };
  const forbidden = { '': nobody, alice: 'FORBIDDEN', bob: 'FORBIDDEN', cloud: 'FORBIDDEN' };
  t.deepEqual(await answers(as => site.ask('GET', '/api/users', { as })), { ...forbidden, admin: 200 });
  t.deepEqual(await answers(as => site.ask('PUT', '/api/users/carol', { as, form })), {
    ...forbidden,
    admin: 201,
  });
  const quota = { form: { disks: '1', size: '1' } };
  t.deepEqual(await answers(as => site.ask('PUT', '/api/users/carol/quota', { as, ...quota })), {
    ...forbidden,
    admin: 200,
  });
  t.deepEqual(await answers(as => site.ask('DELETE', '/api/users/carol/quota', { as })), {
    ...forbidden,
    admin: 200,
  });
  t.deepEqual(await answers(as => site.ask('DELETE', '/api/users/carol', { as })), {
    ...forbidden,
    admin: 200,
  });
  t.deepEqual(await answers(as => site.ask('POST', '/api/nodes/n1/agree', { as })), {
    ...forbidden,
    admin: 'NO_ALARM',
  });
  const uuid = await site.create('alice', 'public');
  t.deepEqual(
    await answers(as => site.ask('PUT', `/api/disks/${uuid}/limit`, { as, form: { limit: '2' } })),
    { ...forbidden, admin: 200 },
  );
});

test('see and list: private disks by their owner, public ones by everybody, all by service and admin', async t => {
  const hidden = await site.create('alice', 'private');
  const open = await site.create('alice', 'public');
  const see = (uuid: string) => answers(as => site.ask('GET', `/api/disks/${uuid}`, { as }));
  t.deepEqual(await see(hidden), { '': nobody, alice: 200, bob: 'DISK_UNKNOWN', cloud: 200, admin: 200 });
  t.deepEqual(await see(open), { '': nobody, alice: 200, bob: 200, cloud: 200, admin: 200 });
  for (const as of ['alice', 'bob', 'cloud', 'admin'] as const) {
    const { text } = await site.ask('GET', '/api/disks', { as });
    t.deepEqual([text.includes(hidden), text.includes(open)], [as !== 'bob', true], as);
  }
});

test('hotattach: who sees the disk', async t => {
  for (const [visibility, bobs] of [
    ['private', 'DISK_UNKNOWN'],
    ['public', 200],
  ] as const) {
    const found = await answers(async as => {
      const uuid = await site.create('alice', visibility);
      return site.ask('POST', `/api/hotattach/${uuid}`, { as, form: on(site.addVm()) });
    });
    t.deepEqual(found, { '': nobody, alice: 200, bob: bobs, cloud: 200, admin: 200 });
  }
});

test('delete and change: the owner and admin', async t => {
  const delet = (visibility: 'private' | 'public') =>
    answers(async as => site.ask('DELETE', `/api/disks/${await site.create('alice', visibility)}`, { as }));
  t.deepEqual(await delet('private'), {
    '': nobody,
    alice: 200,
    bob: 'DISK_UNKNOWN',
    cloud: 'FORBIDDEN',
    admin: 200,
  });
  t.deepEqual(await delet('public'), {
    '': nobody,
    alice: 200,
    bob: 'FORBIDDEN',
    cloud: 'FORBIDDEN',
    admin: 200,
  });
  const retry = answers(async as =>
    site.ask('POST', `/api/retry/${await site.create('alice', 'public')}`, { as }),
  );
  t.deepEqual(await retry, {
    '': nobody,
    alice: 'DISK_NOT_FAILED',
    bob: 'FORBIDDEN',
    cloud: 'FORBIDDEN',
    admin: 'DISK_NOT_FAILED',
  });
});

test('hotdetach: who attached, the owner, service and admin', async t => {
  const attachedBy = (who: Who) =>
    answers(async as => {
      const uuid = await site.create('alice', 'public');
      const form = on(site.addVm());
      await site.ask('POST', `/api/hotattach/${uuid}`, { as: who, form });
      return site.ask('POST', `/api/hotdetach/${uuid}`, { as, form });
    });
  t.deepEqual(await attachedBy('bob'), { '': nobody, alice: 200, bob: 200, cloud: 200, admin: 200 });
  t.deepEqual(await attachedBy('cloud'), {
    '': nobody,
    alice: 200,
    bob: 'FORBIDDEN',
    cloud: 200,
    admin: 200,
  });
});

test('attach (cold) and the element for a launch: service and admin; an owner for his own disks', async t => {
  for (const [visibility, bobs] of [
    ['private', 'DISK_UNKNOWN'],
    ['public', 'FORBIDDEN'],
  ] as const) {
    const uuid = await site.create('alice', visibility);
    const expected = { '': nobody, alice: 200, bob: bobs, cloud: 200, admin: 200 };
    t.deepEqual(
      await answers(as => site.ask('POST', `/api/attach/${uuid}`, { as, form: on(`${visibility} cold`) })),
      expected,
    );
    const element = `/api/disks/${uuid}/libvirt?node=n1&vm_id=${visibility}%20cold`;
    t.deepEqual(await answers(as => site.ask('GET', element, { as })), expected);
  }
});

test("detach: service and admin; others only if they made all of the VM's attachments or own all its disks; else nothing is released", async t => {
  let vms = 0;
  const vm = () => {
    vms += 1;
    return on(`detach ${vms}`);
  };
  const byCloud = await answers(async as => {
    const form = vm();
    await site.ask('POST', `/api/attach/${await site.create('alice')}`, { as: 'cloud', form });
    return site.ask('POST', '/api/detach', { as, form });
  });
  t.deepEqual(byCloud, { '': nobody, alice: 200, bob: 'FORBIDDEN', cloud: 200, admin: 200 });
  // Of disks of other owners: those that the caller attached.
  const byBob = await answers(async as => {
    const form = on(site.addVm());
    await site.ask('POST', `/api/hotattach/${await site.create('alice', 'public')}`, { as: 'bob', form });
    site.n1.destroy(`one-${form.vm_id}`);
    return site.ask('POST', '/api/detach', { as, form });
  });
  t.deepEqual(byBob, { '': nobody, alice: 200, bob: 200, cloud: 200, admin: 200 });
  const mixed = vm();
  const alices = await site.create('alice', 'public');
  const bobs = await site.create('bob');
  await site.ask('POST', `/api/attach/${alices}`, { as: 'alice', form: mixed });
  await site.ask('POST', `/api/attach/${bobs}`, { as: 'bob', form: mixed });
  for (const as of ['alice', 'bob'] as const)
    t.is((await site.ask('POST', '/api/detach', { as, form: mixed })).code, 'FORBIDDEN');
  for (const uuid of [alices, bobs])
    t.is(JSON.parse((await site.ask('GET', `/api/disks/${uuid}`)).text).users, '1');
  t.is(
    (await site.ask('POST', '/api/detach', { as: 'cloud', form: mixed })).text,
    JSON.stringify({ ...mixed, uuid: [alices, bobs] }),
  );
});

test('unknown disk, or no right to see it: the same text and the same code', async t => {
  const hidden = await site.create('alice', 'private');
  const calls: [string, (uuid: string) => string, Record<string, string> | undefined][] = [
    ['GET', uuid => `/api/disks/${uuid}`, undefined],
    ['HEAD', uuid => `/api/disks/${uuid}`, undefined],
    ['DELETE', uuid => `/api/disks/${uuid}`, undefined],
    ['PUT', uuid => `/api/disks/${uuid}/limit`, { limit: '2' }],
    ['POST', uuid => `/api/retry/${uuid}`, undefined],
    ['POST', uuid => `/api/hotattach/${uuid}`, on('1')],
    ['POST', uuid => `/api/hotdetach/${uuid}`, on('1')],
    ['POST', uuid => `/api/attach/${uuid}`, on('1')],
    ['GET', uuid => `/api/disks/${uuid}/libvirt?node=n1&vm_id=1`, undefined],
  ];
  for (const [method, path, form] of calls) {
    const ask = (uuid: string) => site.ask(method, path(uuid), { as: 'bob', ...(form ? { form } : {}) });
    const [secret, unknown] = [await ask(hidden), await ask(NOBODYS)];
    t.deepEqual([secret.status, secret.code], [400, 'DISK_UNKNOWN'], `${method} ${path('')}`);
    t.deepEqual(
      [unknown.status, unknown.code, unknown.text.replace(NOBODYS, hidden)],
      [400, 'DISK_UNKNOWN', secret.text],
    );
  }
});
