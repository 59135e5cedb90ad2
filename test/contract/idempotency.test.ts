// Idempotency-Key over HTTP, with the service killed in the middle of requests.
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { until } from '../../testkit/until.ts';
import { type Asked, type Site, startSite } from './support/site.ts';

let site: Site;
test.before(async () => {
  site = await startSite();
});
test.after.always(() => site?.end());
test.afterEach.always(t => {
  if (!t.passed) t.log(site?.service.log().slice(-1500));
});

const withKey = (key: string, asked: Asked = {}): Asked => ({
  ...asked,
  headers: { 'idempotency-key': `"${key}"` },
});
const usersOf = async (uuid: string) => JSON.parse((await site.ask('GET', `/api/disks/${uuid}`)).text).users;
const disksTagged = async (tag: string): Promise<string[]> =>
  JSON.parse((await site.ask('GET', '/api/disks')).text).filter((disk: { tag: string }) => disk.tag === tag);

async function crash(): Promise<void> {
  await site.service.kill();
  await site.service.start();
}

test.serial(
  'every changing request is answered once: the repetition is the first answer again, also after a restart',
  async t => {
    const uuid = await site.create();
    const on = { form: { node: 'n1', vm_id: site.addVm() } };
    const [adopted, removed] = [randomUUID(), randomUUID()];
    for (const one of [adopted, removed]) await writeFile(join(site.service.pool, `${one}.raw`), 'found');
    const adoption = { owner: 'admin', tag: 'found', visibility: 'private' };
    const cold = { form: { node: 'n1', vm_id: 'once' } };
    const requests: [string, string, Asked][] = [
      ['POST', '/api/create', { form: { size: '1', tag: 'once', visibility: 'private' } }],
      ['PUT', `/api/disks/${uuid}/limit`, { form: { limit: '2' } }],
      ['POST', `/api/resize/${uuid}`, { form: { size: '2' } }],
      ['POST', `/api/hotattach/${uuid}`, on],
      ['POST', `/api/hotdetach/${uuid}`, on],
      ['POST', `/api/hotdetach/${uuid}`, on],
      ['POST', `/api/attach/${uuid}`, cold],
      ['POST', '/api/detach', cold],
      ['POST', '/api/detach', cold],
      ['PUT', '/api/users/once', { form: { password: 'a password', role: 'user' } }],
      ['PUT', '/api/users/once/quota', { form: { disks: '1', size: '1' } }],
      ['DELETE', '/api/users/once/quota', {}],
      ['DELETE', '/api/users/once', {}],
      ['DELETE', `/api/disks/${uuid}`, {}],
      ['POST', `/api/leftovers/${adopted}/adopt`, { form: adoption }],
      ['POST', '/api/nodes/silent/declare-dead', { form: { reason: 'it would hold up the removal' } }],
      ['POST', `/api/leftovers/${removed}/remove`, {}],
    ];
    const first: { status: number; text: string; code: string | number }[] = [];
    for (const [index, [method, path, asked]] of requests.entries())
      first.push(await site.ask(method, path, withKey(`once ${index}`.replace(' ', '-'), asked)));
    const statuses = first.map(({ status }) => status);
    t.deepEqual(
      statuses,
      [201, 200, 200, 200, 200, 400, 200, 200, 400, 201, 200, 200, 200, 200, 200, 200, 200],
    );
    for (let round = 0; round < 2; round += 1) {
      for (const [index, [method, path, asked]] of requests.entries()) {
        const { status, text, code } = await site.ask(method, path, withKey(`once-${index}`, asked));
        t.deepEqual(
          [status, text, code],
          [first[index]?.status, first[index]?.text, first[index]?.code],
          `${method} ${path}`,
        );
      }
      if (round === 0) await crash();
    }
    t.is((await disksTagged('once')).length, 1);
  },
);

test.serial('another request with the same key is 422, a key that is none is 400', async t => {
  const ask = (key: string, size: string) =>
    site.ask('POST', '/api/create', withKey(key, { form: { size, tag: 'reused', visibility: 'private' } }));
  t.is((await ask('reused', '1')).status, 201);
  const reused = await ask('reused', '2');
  t.deepEqual([reused.status, reused.code], [422, 'KEY_REUSED']);
  t.is((await ask('a b', '1')).code, 'BAD_INPUT');
  t.is((await disksTagged('reused')).length, 1);
});

test.serial('many repetitions at once make one disk', async t => {
  const asked = withKey('at-once', { form: { size: '1', tag: 'at once', visibility: 'private' } });
  const answers = await Promise.all(Array.from({ length: 20 }, () => site.ask('POST', '/api/create', asked)));
  t.is(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size, 1);
  t.is((await disksTagged('at once')).length, 1);
});

test.serial('a token is made once, and its secret is told by one process only', async t => {
  const asked = withKey('token', { form: { name: 'x' } });
  const made = await site.ask('POST', '/api/tokens', asked);
  t.is(made.status, 201);
  await crash();
  t.is((await site.ask('POST', '/api/tokens', asked)).code, 'KEY_SECRET');
  t.is(JSON.parse((await site.ask('GET', '/api/tokens')).text).length, 1);
});

test.serial(
  'a hotattach that a crash interrupts is recovered, and its repetition waits for that',
  async t => {
    const uuid = await site.create();
    const vm_id = site.addVm();
    const asked = withKey('hotattach', { form: { node: 'n1', vm_id } });
    let answer = (): void => {};
    const answered = new Promise<void>(resolve => {
      answer = resolve;
    });
    site.n1.faults.inject('domainAttachDeviceFlags', { kind: 'delay', until: answered });
    const lost = site.ask('POST', `/api/hotattach/${uuid}`, asked).catch(() => 'lost');
    await until(async () => (await usersOf(uuid)) === '1', 'the reservation');
    await site.service.kill();
    t.is(await lost, 'lost');
    answer();
    await site.service.start();
    const recovered = await site.ask('POST', `/api/hotattach/${uuid}`, asked);
    t.deepEqual(
      [recovered.status, recovered.text],
      [200, `{"node":"n1","vm_id":"${vm_id}","target":"vda","uuid":["${uuid}"]}`],
    );
    t.is(site.n1.domain(`one-${vm_id}`).disks.length, 1);
    t.is(
      (await site.ask('POST', `/api/hotattach/${uuid}`, { form: { node: 'n1', vm_id } })).code,
      'ALREADY_ATTACHED',
    );
  },
);

test.serial('a hotdetach that a crash interrupts is recovered too', async t => {
  const uuid = await site.create();
  const vm_id = site.addVm('n1', { manners: 'unwilling' });
  await site.ask('POST', `/api/hotattach/${uuid}`, { form: { node: 'n1', vm_id } });
  const asked = withKey('hotdetach', { form: { node: 'n1', vm_id } });
  const lost = site.ask('POST', `/api/hotdetach/${uuid}`, asked).catch(() => 'lost');
  await until(() => site.n1.domain(`one-${vm_id}`).pending.size > 0, 'the request to let go');
  await site.service.kill();
  t.is(await lost, 'lost');
  await site.service.start();
  const repeated = site.ask('POST', `/api/hotdetach/${uuid}`, asked);
  site.n1.release(`one-${vm_id}`, `ua-${uuid}`);
  const { status, text } = await repeated;
  t.deepEqual([status, text], [200, `{"node":"n1","vm_id":"${vm_id}","target":"vda","uuid":[]}`]);
});

test.serial(
  'creates and deletes that are repeated until they are answered, through crashes, happen once each',
  async t => {
    const insist = async (method: string, path: string, asked: Asked) => {
      for (;;) {
        const answer = await site.ask(method, path, asked).catch(() => undefined);
        if (answer) return answer;
        await until(() => site.service.log().includes('pdisk serves'), 'the service');
      }
    };
    for (let round = 0; round < 3; round += 1) {
      const tag = `through crash ${round}`;
      const creating = insist(
        'POST',
        '/api/create',
        withKey(`create-${round}`, { form: { size: '1', tag, visibility: 'private' } }),
      );
      await crash();
      const { status, text } = await creating;
      t.is(status, 201);
      const { uuid } = JSON.parse(text);
      t.deepEqual(
        (await disksTagged(tag)).map(disk => (disk as unknown as { uuid: string }).uuid),
        [uuid],
      );
      const deleting = insist('DELETE', `/api/disks/${uuid}`, withKey(`delete-${round}`));
      await crash();
      t.is((await deleting).text, `{"uuid":"${uuid}"}`);
      t.deepEqual(await disksTagged(tag), []);
    }
  },
);
