// Every operation of the service for every kind of caller. The list comes from the service itself: an
// operation without an entry here fails.
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { PASSWORD } from '../../testkit/http.ts';
import { type Asked, everybody, type Site, startSite, type Who } from './support/site.ts';

let site: Site;
test.before(async () => {
  site = await startSite({ metrics_access: 'admin', overcommit: 1000 });
});
test.after.always(() => site?.end());

type Code = string | number;
/**
 * The expected status for: no credentials, the owner, another user, the cloud's frontend, an administrator.
 */
type Codes = readonly [nobody: Code, owner: Code, other: Code, service: Code, admin: Code];
/** The request of a caller; `uuid` is a private, unused disk of alice. */
type Question = (
  uuid: string,
) => (Asked & { readonly path?: string }) | Promise<Asked & { readonly path?: string }>;

const plain: Question = () => ({});
const form =
  (fields: Record<string, string>): Question =>
  () => ({ form: fields });
const everyone = (code: Code): Codes => [code, code, code, code, code];
const allButNobody = (code: Code): Codes => ['UNAUTHENTICATED', code, code, code, code];
const onDisk = (owner: Code, service: Code, admin: Code): Codes => [
  'UNAUTHENTICATED',
  owner,
  'DISK_UNKNOWN',
  service,
  admin,
];
const forAdmins = (code: Code): Codes => ['UNAUTHENTICATED', 'FORBIDDEN', 'FORBIDDEN', 'FORBIDDEN', code];

const onVm: Question = () => ({ form: { node: 'n1', vm_id: site.addVm() } });

async function plugged(uuid: string) {
  const asked = await onVm(uuid);
  await site.ask('POST', `/api/hotattach/${uuid}`, { as: 'alice', ...asked });
  return asked;
}

async function registered(uuid: string): Promise<Asked> {
  const asked = { form: { node: 'n1', vm_id: `of ${uuid}` } };
  await site.ask('POST', `/api/attach/${uuid}`, { as: 'cloud', ...asked });
  return asked;
}

const accountOf = (uuid: string) => `a-${uuid}`;

async function withAccount(uuid: string, end: string): Promise<Asked & { path: string }> {
  const asked = { form: { password: PASSWORD, role: 'user' } };
  await site.ask('PUT', `/api/users/${accountOf(uuid)}`, asked);
  return { path: `/api/users/${accountOf(uuid)}${end}` };
}

const adoption = { owner: 'alice', tag: 'found', visibility: 'private' };

/** An image in the pool that belongs to no disk. */
async function leftover(): Promise<string> {
  const uuid = randomUUID();
  await writeFile(join(site.service.pool, `${uuid}.raw`), 'what was written');
  return uuid;
}

const table: Readonly<Record<string, readonly [Codes, Question]>> = {
  'GET /': [everyone(200), plain],
  'GET /healthz': [everyone(200), plain],
  'GET /readyz': [everyone(200), plain],
  'GET /metrics': [forAdmins(200), plain],
  'GET /inspect': [everyone(200), plain],
  'GET /inspect/{file}': [everyone(200), () => ({ path: '/inspect/main.js' })],
  'GET /api/openapi.json': [everyone(200), plain],
  'GET /api/docs': [everyone(200), plain],
  'GET /api/docs/{file}': [everyone(200), () => ({ path: '/api/docs/docs.js' })],
  'GET /api/asyncapi.json': [everyone(200), plain],
  'GET /api/events': [allButNobody('BAD_REQUEST'), plain],
  'POST /api/events/ticket': [allButNobody(201), plain],
  'GET /api/charts': [allButNobody(200), plain],
  'GET /api/charts/{name}': [allButNobody(200), () => ({ path: '/api/charts/disk' })],
  'GET /api/machines': [allButNobody(200), plain],
  'GET /api/machines/{machine}': [allButNobody(200), () => ({ path: '/api/machines/disk' })],
  'GET /api/disks': [allButNobody(200), plain],
  'GET /api/disks/{uuid}': [onDisk(200, 200, 200), plain],
  'GET /api/disks/{uuid}/chart': [onDisk(200, 200, 200), plain],
  'GET /api/disks/{uuid}/chart.mmd': [onDisk(200, 200, 200), plain],
  'GET /api/disks/{uuid}/why': [onDisk(200, 200, 200), plain],
  'GET /api/nodes/{node}/why': [allButNobody(200), () => ({ path: '/api/nodes/n1/why' })],
  'GET /api/attachments': [allButNobody(200), plain],
  'GET /api/audit': [forAdmins(200), plain],
  'POST /api/create': [allButNobody(201), form({ size: '1', tag: '', visibility: 'private' })],
  'PATCH /api/disks/{uuid}': [onDisk(200, 'FORBIDDEN', 200), form({ tag: 'edited' })],
  'DELETE /api/disks/{uuid}': [onDisk(200, 'FORBIDDEN', 200), plain],
  'PUT /api/disks/{uuid}/limit': [onDisk('FORBIDDEN', 'FORBIDDEN', 200), form({ limit: '2' })],
  'POST /api/resize/{uuid}': [onDisk(200, 'FORBIDDEN', 200), form({ size: '2' })],
  'POST /api/retry/{uuid}': [onDisk('DISK_NOT_FAILED', 'FORBIDDEN', 'DISK_NOT_FAILED'), plain],
  'POST /api/hotattach/{uuid}': [onDisk(200, 200, 200), onVm],
  'POST /api/hotdetach/{uuid}': [onDisk(200, 200, 200), plugged],
  'POST /api/attach/{uuid}': [onDisk(200, 200, 200), onVm],
  'POST /api/detach': [['UNAUTHENTICATED', 200, 'FORBIDDEN', 200, 200], registered],
  'GET /api/disks/{uuid}/libvirt': [
    onDisk(200, 200, 200),
    async uuid => {
      const { form: fields } = await registered(uuid);
      return { path: `/api/disks/${uuid}/libvirt?${new URLSearchParams(fields)}` };
    },
  ],
  'GET /api/tokens': [allButNobody(200), plain],
  'POST /api/tokens': [allButNobody(201), form({ name: 'x' })],
  'DELETE /api/tokens/{id}': [
    ['UNAUTHENTICATED', 200, 'TOKEN_UNKNOWN', 'TOKEN_UNKNOWN', 200],
    async () => {
      const made = await site.ask('POST', '/api/tokens', { as: 'alice', form: { name: 'x' } });
      return { path: `/api/tokens/${JSON.parse(made.text).id}` };
    },
  ],
  'GET /api/users': [forAdmins(200), plain],
  'PUT /api/users/{account}': [
    forAdmins(201),
    uuid => ({ path: `/api/users/${accountOf(uuid)}`, form: { password: PASSWORD, role: 'user' } }),
  ],
  'DELETE /api/users/{account}': [forAdmins(200), uuid => withAccount(uuid, '')],
  'PUT /api/users/me/password': [allButNobody(200), form({ password: PASSWORD })],
  'PUT /api/users/{account}/quota': [
    forAdmins(200),
    async uuid => ({ ...(await withAccount(uuid, '/quota')), form: { disks: '1', size: '1' } }),
  ],
  'DELETE /api/users/{account}/quota': [forAdmins(200), uuid => withAccount(uuid, '/quota')],
  'GET /api/pool': [allButNobody(200), plain],
  'GET /api/nodes': [allButNobody(200), plain],
  'GET /api/vms/{node}/{vm_id}': [
    allButNobody(200),
    async uuid => {
      const { form: fields } = await registered(uuid);
      return { path: `/api/vms/${fields?.node}/${encodeURIComponent(fields?.vm_id ?? '')}` };
    },
  ],
  'GET /api/drift': [['UNAUTHENTICATED', 'FORBIDDEN', 'FORBIDDEN', 200, 200], plain],
  'GET /api/leftovers': [['UNAUTHENTICATED', 'FORBIDDEN', 'FORBIDDEN', 200, 200], plain],
  'POST /api/leftovers/{uuid}/adopt': [
    forAdmins(200),
    async () => ({ path: `/api/leftovers/${await leftover()}/adopt`, form: adoption }),
  ],
  'POST /api/leftovers/{uuid}/remove': [
    forAdmins('NODES_SILENT'),
    async () => ({ path: `/api/leftovers/${await leftover()}/remove` }),
  ],
  'POST /api/nodes/{node}/declare-dead': [
    forAdmins('NODE_ALIVE'),
    () => ({ path: '/api/nodes/n1/declare-dead', form: { reason: 'burnt' } }),
  ],
  'POST /api/nodes/{node}/declare-alive': [
    forAdmins('NODE_NOT_DECLARED_DEAD'),
    () => ({ path: '/api/nodes/n1/declare-alive' }),
  ],
  'POST /api/nodes/{node}/agree': [forAdmins('NO_ALARM'), () => ({ path: '/api/nodes/n1/agree' })],
};

test('every operation that the service describes is decided for every kind of caller', async t => {
  const { paths } = JSON.parse((await site.ask('GET', '/api/openapi.json')).text);
  const described = Object.entries(paths).flatMap(([path, item]) =>
    Object.keys(item as object)
      .filter(method => ['get', 'post', 'put', 'patch', 'delete'].includes(method))
      .map(method => `${method.toUpperCase()} ${path}`),
  );
  t.deepEqual(described.sort(), Object.keys(table).sort());
});

for (const [operation, [codes, question]] of Object.entries(table)) {
  // One after the other: at most four passwords of an account are hashed at once.
  test.serial(`${operation}: who may do it`, async t => {
    const [method = '', pattern = ''] = operation.split(' ');
    const found: Code[] = [];
    for (const as of everybody satisfies readonly Who[]) {
      const uuid = await site.create('alice', 'private');
      const { path = pattern.replace('{uuid}', uuid), ...asked } = await question(uuid);
      found.push((await site.ask(method, path, { ...asked, as })).code);
      if (method !== 'GET') continue;
      const head = await site.ask('HEAD', path, { ...asked, as });
      t.deepEqual([head.code, head.text], [found.at(-1), '']);
    }
    t.deepEqual(found, [...codes]);
  });
}
