// Requests that a restart interrupted, as answered to their repetition with the same Idempotency-Key.
import test from 'ava';
import { attachmentRoutes } from '../../src/api/routes/attachments.ts';
import { diskRoutes } from '../../src/api/routes/disks.ts';
import { driftRoutes } from '../../src/api/routes/drift.ts';
import type { AtRest } from '../../src/disks/service.ts';
import { diskDouble, driftDouble, FIRST, leftoverDouble } from './support/disks.ts';

const caller = { account: 'admin', role: 'admin' } as const;
const begun = { subject: `disk/${FIRST}`, disks: [FIRST], target: 'vda' };

async function answered(
  path: string,
  fields: Record<string, string>,
  rest: AtRest = 'gone',
  method = 'POST',
) {
  const service = diskDouble({ atRest: async () => rest });
  const drift = driftRoutes(driftDouble, leftoverDouble(), service);
  const route = [...diskRoutes(service), ...attachmentRoutes(service), ...drift].find(
    ({ operation }) => operation.path === path && operation.method === method,
  );
  const answer = await route?.recover({ caller, begun }, fields);
  return answer?.body;
}

test('a forced detach that a restart interrupted says again what was vouched for', async t => {
  const vm = { node: 'n1', vm_id: '7' };
  const forced = { ...vm, force: 'true', reason: 'the host burnt down' };
  const vouched = '"vouched":"this was vouched for: the host burnt down"';
  t.is(
    await answered('/api/hotdetach/:uuid', forced),
    `{"node":"n1","vm_id":"7","target":"vda","uuid":[],${vouched}}`,
  );
  t.is(await answered('/api/detach', forced), `{"node":"n1","vm_id":"7","uuid":["${FIRST}"],${vouched}}`);
  t.is(await answered('/api/detach', vm), `{"node":"n1","vm_id":"7","uuid":["${FIRST}"]}`);
});

test('adoption and removal of a leftover are recovered: adopted is adopted, removed or being wiped is removed', async t => {
  const adoption = { owner: 'test', tag: '', visibility: 'private' };
  t.is(await answered('/api/leftovers/:uuid/adopt', adoption), `{"uuid":"${FIRST}","over_quota":false}`);
  t.is(await answered('/api/leftovers/:uuid/remove', {}, 'gone'), `{"uuid":"${FIRST}"}`);
  t.is(await answered('/api/leftovers/:uuid/remove', {}, 'known'), undefined);
});

test('a change that reached its goal is answered again, and one that did not is done anew', async t => {
  const uuid = `{"uuid":"${FIRST}"}`;
  const created = { size: '1', tag: '', visibility: 'private' };
  const vm = { node: 'n1', vm_id: '7' };
  const plugged = '{"node":"n1","vm_id":"7","target":"vda","uuid":[]}';
  const table = [
    ['POST', '/api/create', created, 'known', uuid],
    ['POST', '/api/retry/:uuid', {}, 'known', uuid],
    ['DELETE', '/api/disks/:uuid', {}, 'gone', uuid],
    ['POST', '/api/resize/:uuid', { size: '2' }, 'known', `{"uuid":"${FIRST}","size":"2"}`],
    ['POST', '/api/hotattach/:uuid', vm, 'plugged', plugged],
    ['POST', '/api/hotdetach/:uuid', vm, 'gone', plugged],
  ] as const;
  for (const [method, path, fields, came, answer] of table)
    for (const rest of ['known', 'plugged', 'gone', 'other'] as const)
      t.is(
        await answered(path, fields, rest, method),
        rest === came ? answer : undefined,
        `${path}: ${rest}`,
      );
  t.is(await answered('/api/resize/:uuid', { size: '3' }, 'known'), undefined, 'it is smaller than that');
});

test('a change that is complete with its decision is answered again whatever came after it', async t => {
  for (const rest of ['known', 'other'] as const) {
    t.is(
      await answered('/api/disks/:uuid/limit', { limit: '2' }, rest, 'PUT'),
      `{"uuid":"${FIRST}","limit":"2"}`,
    );
    t.is(
      await answered('/api/attach/:uuid', { node: 'n1', vm_id: '7' }, rest),
      '{"node":"n1","vm_id":"7","uuid":[]}',
    );
    t.regex(String(await answered('/api/disks/:uuid', { tag: 'b' }, rest, 'PATCH')), /"tag":"a simple disk"/);
  }
});
