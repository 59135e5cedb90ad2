import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import test from 'ava';
import { request } from '../../testkit/http.ts';
import { until } from '../../testkit/until.ts';
import { diskDouble, FIRST } from './support/disks.ts';
import { startServer } from './support/server.ts';

const PATH = '/api/disks?view=full';
const BYTES = 24 * 2 ** 20;

test('clients that do not read their long lists cannot make the service hold more than a fixed amount', async t => {
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
  /** Resolves when the answer has begun; the rest of it is never read. */
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
  // An answer that was read makes room, and so does one without a body (HEAD, 304).
  for (let time = 0; time < 3; time += 1) {
    t.true((await ask('GET', PATH)).text.length > BYTES);
    t.is((await ask('HEAD', PATH)).status, 200);
  }
});
