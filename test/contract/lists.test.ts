// Filters of disk lists, and lists in pages.
import test from 'ava';
import { type Site, startSite, type Who } from './support/site.ts';

let site: Site;
test.before(async () => {
  site = await startSite();
});
test.after.always(() => site?.end());

async function list(query: string, as: Who = 'alice', path = '/api/disks') {
  const { text, code, headers } = await site.ask('GET', path + query, { as });
  const link = /^<(?<path>\/api\/disks)(?<query>\?[^>]*)>; rel="next"$/.exec(
    headers.get('link') ?? '',
  )?.groups;
  const uuids: string[] = code === 200 ? JSON.parse(text).map(({ uuid }: { uuid: string }) => uuid) : [];
  return { code, uuids, next: link?.query, link: headers.get('link') };
}

/** The lists of all pages, in order. */
async function pages(query: string, as: Who): Promise<string[][]> {
  const found: string[][] = [];
  for (let next: string | undefined = query; next !== undefined; ) {
    const page: Awaited<ReturnType<typeof list>> = await list(next, as);
    found.push(page.uuids);
    next = page.next;
  }
  return found;
}

async function create(as: Who, tag: string, visibility = 'private'): Promise<string> {
  const { text } = await site.ask('POST', '/api/create', { as, json: { size: 1, tag, visibility } });
  return JSON.parse(text).uuid;
}

test.serial('disks are chosen by tag, owner, state and visibility, in both views', async t => {
  const own = await create('alice', 'Ünïque & odd');
  const open = await create('alice', 'Ünïque & odd', 'public');
  const others = await create('bob', 'Ünïque & odd', 'public');
  const tag = `tag=${encodeURIComponent('Ünïque & odd')}`;
  for (const view of ['', '&view=full']) {
    t.deepEqual((await list(`?${tag}${view}`)).uuids, [own, open, others]);
    t.deepEqual((await list(`?${tag}&owner=alice${view}`)).uuids, [own, open]);
    t.deepEqual((await list(`?${tag}&owner=alice&visibility=public${view}`)).uuids, [open]);
    t.deepEqual((await list(`?${tag}&state=attached${view}`)).uuids, []);
    t.deepEqual((await list(`?${tag}&state=available${view}`, 'bob')).uuids, [open, others]);
  }
  await site.ask('POST', `/api/attach/${own}`, { as: 'cloud', form: { node: 'n9', vm_id: '1' } });
  t.deepEqual((await list(`?${tag}&state=attached`)).uuids, [own]);
});

test.serial(
  'pages follow each other in the order of creation; the limit counts what the caller may see',
  async t => {
    const expected: string[] = [];
    for (let index = 0; index < 5; index += 1) {
      expected.push(await create('alice', 'paged'));
      await create('bob', 'paged');
    }
    t.deepEqual(await pages('?tag=paged&limit=2', 'alice'), [
      expected.slice(0, 2),
      expected.slice(2, 4),
      expected.slice(4),
    ]);
    t.deepEqual(await pages('?tag=paged&limit=5&view=full', 'alice'), [expected]);
    t.is((await pages('?tag=paged&limit=4', 'cloud')).flat().length, 10);
  },
);

test.serial(
  'a page goes on where the last one ended, also when that disk is gone and others were made',
  async t => {
    const [a, b, c] = [
      await create('alice', 'gone'),
      await create('alice', 'gone'),
      await create('alice', 'gone'),
    ];
    const first = await list('?tag=gone&limit=2');
    t.deepEqual(first.uuids, [a, b]);
    await site.ask('DELETE', `/api/disks/${b}`, { as: 'alice' });
    const d = await create('alice', 'gone');
    t.deepEqual((await list(first.next ?? '')).uuids, [c, d]);
  },
);

test.serial('without a limit there is one list and no Link', async t => {
  await create('alice', 'all');
  t.is((await list('')).link, null);
  t.is((await list('?limit=1000')).link, null);
});

test.serial('the order and every ETag stay the same through a restart', async t => {
  for (let index = 0; index < 8; index += 1) await create('alice', 'restarted');
  const used = await create('alice', 'used');
  const form = { node: 'n1', vm_id: site.addVm() };
  await site.ask('POST', `/api/hotattach/${used}`, { as: 'alice', form });
  const tags = async () => {
    const asked = [used, ...before].map(uuid => site.ask('GET', `/api/disks/${uuid}`, { as: 'alice' }));
    return (await Promise.all(asked)).map(({ headers }) => headers.get('etag'));
  };
  const before = (await list('?tag=restarted')).uuids;
  const first = await list('?tag=restarted&limit=3');
  const seen = await tags();
  await site.service.stop();
  await site.service.start();
  t.deepEqual((await list('?tag=restarted')).uuids, before);
  t.deepEqual(await tags(), seen);
  t.deepEqual((await list(first.next ?? '')).uuids, before.slice(3, 6));
});

test.serial('each invalid filter is refused', async t => {
  for (const query of [
    '?limit=0',
    '?limit=1001',
    '?limit=1.5',
    '?limit=-1',
    '?after=7',
    '?after=',
    '?state=new',
    '?state=',
    '?visibility=hidden',
    `?tag=${'x'.repeat(256)}`,
    '?owner=',
    '?colour=red',
    '?tag=a&tag=b',
  ]) {
    t.is((await list(query)).code, 'BAD_INPUT', query);
  }
});
