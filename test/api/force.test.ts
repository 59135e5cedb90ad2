// What administrators confirm on their own authority: force with a reason, and declaring nodes dead and
// alive.
import test from 'ava';
import type { Cause, NodeService } from '../../src/disks/service.ts';
import { diskDouble, FIRST, nodeDouble, SECOND } from './support/disks.ts';
import { startServer } from './support/server.ts';

const vmInputs = { node: 'N1', vm_id: '7' };
const forced = { ...vmInputs, force: 'true', reason: 'the host burnt down' };
const force = { reason: 'the host burnt down' };

test('without force the answers of hotdetach and detach are the documented ones, byte for byte', async t => {
  const { ask, service } = await startServer(t);
  const hot = await ask('POST', `/api/hotdetach/${FIRST}`, { form: vmInputs });
  t.is(hot.text, '{"node":"N1","vm_id":"7","target":"vda","uuid":[]}');
  const cold = await ask('POST', '/api/detach', { form: vmInputs });
  t.is(cold.text, `{"node":"N1","vm_id":"7","uuid":["${FIRST}","${SECOND}"]}`);
  const vm = { node: 'N1', vmId: '7' };
  t.deepEqual(service.calls, [
    ['hotdetach', FIRST, vm],
    ['detach', vm],
  ]);
});

test('with force and a reason the answers say what was vouched for, after the documented keys', async t => {
  const { ask, service } = await startServer(t);
  const hot = await ask('POST', `/api/hotdetach/${FIRST}`, { form: forced });
  const vouched = '"vouched":"it is gone: the host burnt down"';
  t.is(hot.text, `{"node":"N1","vm_id":"7","target":"vda","uuid":[],${vouched}}`);
  const cold = await ask('POST', '/api/detach', { json: { ...forced, force: true } });
  t.is(cold.text, `{"node":"N1","vm_id":"7","uuid":["${FIRST}","${SECOND}"],${vouched}}`);
  const vm = { node: 'N1', vmId: '7' };
  t.deepEqual(service.calls, [
    ['hotdetach', FIRST, vm, force],
    ['detach', vm, force],
  ]);
});

test('the reason is in the cause of what follows, and so in its events', async t => {
  const causes: Cause[] = [];
  const service = diskDouble({
    async hotdetach(_caller, _uuid, _vm, cause) {
      causes.push(cause);
      return { target: 'vda', uuids: [] };
    },
    async detach(_caller, _vm, cause) {
      causes.push(cause);
      return { uuids: [FIRST] };
    },
  });
  const { ask } = await startServer(t, service);
  for (const form of [vmInputs, forced]) {
    await ask('POST', `/api/hotdetach/${FIRST}`, { form });
    await ask('POST', '/api/detach', { form });
  }
  t.deepEqual(
    causes.map(({ kind, account, reason }) => [kind, account, reason]),
    [undefined, undefined, force.reason, force.reason].map(reason => ['request', 'admin', reason]),
  );
});

test('force and reason are taken together only, and nowhere else', async t => {
  const { ask, service } = await startServer(t);
  const { reason, force: yes } = forced;
  const together = 'force and reason must be given together';
  const refusals: [Record<string, unknown>, string][] = [
    [{ force: yes }, together],
    [{ reason }, together],
    [{ force: 'false', reason }, 'force must be true, or not be there'],
    [{ force: '', reason }, 'force must be true, or not be there'],
    [{ force: yes, reason: ' ' }, 'reason must be 1 to 255 characters, none of them a control character'],
    [
      { force: yes, reason: 'x'.repeat(256) },
      'reason must be 1 to 255 characters, none of them a control character',
    ],
    [{ force: yes, reason: 'a\nb' }, 'reason must be 1 to 255 characters, none of them a control character'],
    [{ ...forced, other: 'x' }, "there is no input 'other' here"],
  ];
  for (const path of [`/api/hotdetach/${FIRST}`, '/api/detach']) {
    for (const [more, message] of refusals) {
      const { status, headers, text } = await ask('POST', path, { json: { ...vmInputs, ...more } });
      t.deepEqual([status, headers.get('x-error-code')], [400, 'BAD_INPUT'], JSON.stringify(more));
      t.deepEqual(JSON.parse(text).message, [message]);
    }
  }
  for (const path of [`/api/hotattach/${FIRST}`, `/api/attach/${FIRST}`]) {
    const { status, text } = await ask('POST', path, { form: forced });
    t.is(status, 400);
    t.deepEqual(JSON.parse(text).message, [
      "there is no input 'force' here",
      "there is no input 'reason' here",
    ]);
  }
  t.deepEqual(service.calls, []);
});

test('a node is declared dead with a reason, and the answer has the disks that were released', async t => {
  const { ask } = await startServer(t);
  const form = { reason: 'burnt' };
  const dead = await ask('POST', '/api/nodes/burnt/declare-dead', { form });
  t.deepEqual([dead.status, dead.text], [200, `{"node":"burnt","released":["${FIRST}"]}`]);
  const alive = await ask('POST', '/api/nodes/burnt/declare-alive');
  t.deepEqual([alive.status, alive.text], [200, '{"node":"burnt"}']);
  const code = async (path: string, options = {}) =>
    (await ask('POST', path, options)).headers.get('x-error-code');
  t.is(await code('/api/nodes/n1/declare-dead', { form }), 'NODE_ALIVE');
  t.is(await code('/api/nodes/n1/declare-alive'), 'NODE_NOT_DECLARED_DEAD');
  t.is(await code('/api/nodes/burnt/declare-dead'), 'BAD_INPUT');
  t.is(await code('/api/nodes/burnt/declare-alive', { form }), 'BAD_INPUT');
  t.is(await code('/api/nodes/burnt/declare-dead', { form, as: 'cloud' }), 'FORBIDDEN');
});

test('a node that was declared dead shows by whom, why and when, and null to accounts that may not know', async t => {
  const declaredDead = { by: 'root', reason: 'burnt', since: Date.UTC(2011, 6, 28) };
  const view = { node: 'n1', names: ['n1'], reachable: false, since: 0, versions: null };
  const nodes: NodeService = {
    ...nodeDouble,
    list: ({ role }) => [
      { ...view, operation: role === 'user' ? null : { uri: 'u', error: 'e', alarm: null, declaredDead } },
    ],
  };
  const { ask } = await startServer(t, undefined, nodes);
  const told = async (as: string) => JSON.parse((await ask('GET', '/api/nodes', { as })).text)[0];
  t.deepEqual((await told('cloud')).declared_dead, {
    by: 'root',
    reason: 'burnt',
    since: '2011-07-28T00:00:00.000Z',
  });
  t.is((await told('test')).declared_dead, null);
});
