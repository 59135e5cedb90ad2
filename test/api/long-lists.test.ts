import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import test from 'ava';
import { request } from '../rig/http.ts';
import { until } from '../rig/until.ts';
import { diskDouble, FIRST } from './support/disks.ts';
import { startServer } from './support/server.ts';

const PATH = '/api/disks?view=full';
const BYTES = 24 * 2 ** 20;

test('clients that take nothing of their long lists can make only so much of them wait', async t => {
  const { getDetails } = diskDouble();
  const caller = { account: 'admin', id: 'admin', role: 'admin' } as const;
  const one = { ...getDetails(caller, FIRST), tag: 'x'.repeat(2 ** 20) };
  const { ask, port } = await startServer(
    t,
    diskDouble({ listDetails: () => Array.from({ length: BYTES / 2 ** 20 }, () => one) }),
  );
  const deaf: Socket[] = [];
  t.teardown(() => {
    for (const socket of deaf) socket.destroy();
  });
  /** Resolves when the answer has begun, of which no more is read. */
  async function ignore(): Promise<void> {
    const socket = connect(port, '127.0.0.1');
    deaf.push(socket);
    socket.write(request(`GET ${PATH}`));
    await once(socket, 'readable');
  }

  for (let client = 0; client < 3; client += 1) await ignore();
  const refused = await ask('GET', PATH);
  t.is(refused.status, 503);
  t.is(refused.headers.get('x-error-code'), 'BUSY');
  t.is((await ask('GET', '/api/disks')).status, 200);
  for (const socket of deaf) socket.destroy();
  await until(async () => (await ask('GET', PATH)).status === 200, 'room for a list');
  // What is taken makes room, and so does what nobody wants the body of.
  for (let time = 0; time < 3; time += 1) {
    t.true((await ask('GET', PATH)).text.length > BYTES);
    t.is((await ask('HEAD', PATH)).status, 200);
  }
});
