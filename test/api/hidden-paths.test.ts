import test from 'ava';
import { errorOf } from '../../src/errors.ts';
import { diskDouble, FIRST } from './support/disks.ts';
import { startServer } from './support/server.ts';

const vm = { node: 'n1', vm_id: '7' };

test('paths of sockets and pools are hidden from accounts that do not run the cloud, and shown in the log and to the others', async t => {
  const detail = "connect ENOENT /run/one/n1.sock, open '/srv/pool/a.raw'";
  const server = await startServer(
    t,
    diskDouble({
      hotattach: async () => {
        throw errorOf('NODE_UNREACHABLE', { node: 'n1', detail });
      },
    }),
  );
  const told = async (as: string) =>
    JSON.parse((await server.ask('POST', `/api/hotattach/${FIRST}`, { as, form: vm })).text).message[0];
  t.is(await told('test'), "node 'n1' cannot be reached: connect ENOENT (a path), open '(a path)'");
  for (const name of ['admin', 'cloud']) t.true((await told(name)).endsWith(detail), name);
  t.true(server.log.filter(line => JSON.stringify(line).includes('/run/one/n1.sock')).length === 3);
});

test('a URL of the service itself is shown to everybody', async t => {
  const { ask } = await startServer(
    t,
    diskDouble({
      create: async () => {
        throw errorOf('CREATE_NOT_UNDONE', { disk: FIRST, detail: 'unlink /srv/pool/a.raw' });
      },
    }),
  );
  const form = { size: '1', tag: '', visibility: 'private' };
  const { text } = await ask('POST', '/api/create', { as: 'test', form });
  t.true(text.includes(`POST /api/retry/${FIRST}`));
  t.false(text.includes('/srv/pool'));
});
