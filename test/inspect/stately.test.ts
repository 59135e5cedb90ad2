import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import { WebSocketServer } from 'ws';
import { PASSWORD } from '../../testkit/http.ts';
import { until } from '../../testkit/until.ts';
import { startSite } from './support/site.ts';

interface Report {
  readonly type: string;
  readonly name?: string;
  readonly sessionId: string;
  readonly definition?: string;
  readonly snapshot?: { readonly value?: string };
}

test("the actors report to Stately's inspector, stay awake for it, and tell no secret", async t => {
  const inspector = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(inspector, 'listening');
  t.teardown(() => {
    for (const socket of inspector.clients) socket.terminate();
    inspector.close();
  });
  const texts: string[] = [];
  inspector.on('connection', socket => socket.on('message', text => texts.push(String(text))));
  const { service, hotattach, hotdetach } = await startSite(t, {
    inspect: `ws://127.0.0.1:${(inspector.address() as AddressInfo).port}`,
  });
  const uuid = await service.create();
  await hotattach(uuid, '1');
  await hotdetach(uuid, '1');
  const reports = (): Report[] => texts.map(text => JSON.parse(text));
  const actors = () =>
    reports().filter(({ type, name }) => type === '@xstate.actor' && name === `disk/${uuid}`);
  const states = () =>
    reports().flatMap(({ type, sessionId, snapshot }) =>
      type === '@xstate.snapshot' && sessionId === actors()[0]?.sessionId ? (snapshot?.value ?? []) : [],
    );
  await until(() => states().includes('hot-attached') && states().at(-1) === 'available', 'the story', {
    hint: () => texts.join('\n'),
  });
  t.is(actors().length, 1);
  t.is(JSON.parse(actors()[0]?.definition ?? '{}').id, 'disk');
  for (const secret of [PASSWORD, 'authorization', 'Basic '])
    t.false(texts.some(text => text.includes(secret)));
});
