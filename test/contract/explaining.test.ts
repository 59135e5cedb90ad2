// Explanations and the list of attachments over HTTP, from the real process.
import test from 'ava';
import { until } from '../../testkit/until.ts';
import { type Site, startSite, type Who } from './support/site.ts';

let site: Site;
test.before(async () => {
  site = await startSite();
});
test.after.always(() => site?.end());

const read = async (path: string, as: Who = 'admin') =>
  JSON.parse((await site.ask('GET', path, { as })).text);

test('a disk and its node are explained to those who may see them, and each is told what it may do', async t => {
  const uuid = await site.create('alice', 'public');
  const vm_id = site.addVm('n1', { manners: 'unwilling' });
  await site.ask('POST', `/api/hotattach/${uuid}`, { as: 'alice', form: { node: 'n1', vm_id } });
  const unplugging = site.ask('POST', `/api/hotdetach/${uuid}`, { as: 'alice', form: { node: 'n1', vm_id } });
  const why = await until(async () => {
    const seen = await read(`/api/disks/${uuid}/why`, 'alice');
    return seen.waiting.length > 0 && seen;
  }, 'the disk to wait');
  t.like(why, { state: 'hot-attached', waiting: { 0: { for: 'guest' } } });
  t.true(why.sentences.some((one: string) => one.includes(`VM '${vm_id}' on node 'n1'`)));
  const listed = await read('/api/attachments?waiting=guest', 'alice');
  t.deepEqual(
    listed.map(({ disk, waiting }: { disk: string; waiting: { for: string } }) => [disk, waiting.for]),
    [[uuid, 'guest']],
  );

  const others = JSON.stringify(await read(`/api/disks/${uuid}/why`, 'bob'));
  t.true(others.includes('Ask its owner alice'));
  t.false(others.includes("on node 'n1'"));
  t.deepEqual(await read('/api/attachments?waiting=guest', 'bob'), []);

  const node = await read('/api/nodes/n1/why', 'cloud');
  t.true(node.waiting.some((one: { disk: string }) => one.disk === uuid));
  t.is((await site.ask('GET', '/api/nodes/nowhere/why')).code, 'NODE_UNKNOWN');
  const silent = await read('/api/nodes/silent/why');
  t.like(silent, { reachable: false, ways: { 0: { request: 'POST /api/nodes/silent/declare-dead' } } });
  t.deepEqual((await read('/api/nodes/silent/why', 'bob')).ways, []);

  site.n1.destroy(`one-${vm_id}`);
  await unplugging;
});

test('attachments are listed oldest first, in pages, by state and node, to those who may see their VM', async t => {
  const uuid = await site.create('bob', 'private');
  await site.ask('PUT', `/api/disks/${uuid}/limit`, { form: { limit: '5' } });
  const vms = ['a', 'b', 'c', 'd', 'e'];
  for (const vm of vms)
    await site.ask('POST', `/api/attach/${uuid}`, { as: 'cloud', form: { node: 'paging', vm_id: vm } });
  const seen: string[] = [];
  let path: string | undefined = '/api/attachments?node=paging&state=attached&limit=2';
  while (path) {
    const { headers, text } = await site.ask('GET', path, { as: 'bob' });
    const page = JSON.parse(text);
    t.true(page.length <= 2);
    seen.push(...page.map(({ vm_id }: { vm_id: string }) => vm_id));
    path = /^<([^>]*)>/.exec(headers.get('link') ?? '')?.[1];
  }
  t.deepEqual([...seen].sort(), vms);
  const times = (await read('/api/attachments?node=paging')).map(({ since }: { since: string }) => since);
  t.deepEqual(times, [...times].sort());
  t.deepEqual(await read('/api/attachments?node=paging', 'alice'), []);
  t.deepEqual(await read('/api/attachments?node=paging&state=detaching'), []);
  for (const query of ['state=resting', 'waiting=pool', 'limit=0', 'limit=1001', 'after=x', 'node=', 'x=1'])
    t.is((await site.ask('GET', `/api/attachments?${query}`)).code, 'BAD_INPUT', query);
});
