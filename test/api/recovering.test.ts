// What a restart has interrupted, told to whoever repeats the request with its key.
import test from 'ava';
import { recovered } from '../../src/api/recovering.ts';
import { diskDouble, FIRST, leftoverDouble } from './support/disks.ts';

const caller = { account: 'admin', role: 'admin' } as const;
const begun = { subject: `disk/${FIRST}`, disks: [FIRST], target: 'vda' };

async function answered(path: string, fields: Record<string, string>, state?: string) {
  const services = { service: diskDouble({ atRest: async () => state }), leftovers: leftoverDouble() };
  const answer = await recovered(services, caller, { method: 'POST', path }, fields, begun);
  return answer?.body;
}

test('a forced detach that a restart has interrupted says again what was vouched for', async t => {
  const machine = { node: 'n1', vm_id: '7' };
  const forced = { ...machine, force: 'true', reason: 'the host burnt down' };
  const vouched = '"vouched":"this was vouched for: the host burnt down"';
  t.is(
    await answered('/api/hotdetach/:uuid', forced),
    `{"node":"n1","vm_id":"7","target":"vda","uuid":[],${vouched}}`,
  );
  t.is(await answered('/api/detach', forced), `{"node":"n1","vm_id":"7","uuid":["${FIRST}"],${vouched}}`);
  t.is(await answered('/api/detach', machine), `{"node":"n1","vm_id":"7","uuid":["${FIRST}"]}`);
});

test('a leftover that was adopted is adopted, one that is removed or being wiped is removed', async t => {
  const adoption = { owner: 'test', tag: '', visibility: 'private' };
  t.is(await answered('/api/leftovers/:uuid/adopt', adoption), `{"uuid":"${FIRST}","over_quota":false}`);
  for (const state of [undefined, 'wiping'])
    t.is(await answered('/api/leftovers/:uuid/remove', {}, state), `{"uuid":"${FIRST}"}`);
  t.is(await answered('/api/leftovers/:uuid/remove', {}, 'available'), undefined);
});
