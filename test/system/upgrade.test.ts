import test from 'ava';
import { startService } from '../../testkit/service.ts';
import { subscribe } from '../events/support/subscriber.ts';

// With these variables, glibc overwrites freed memory at once with bytes that an HTTP response of
// uWebSockets.js reads as "answered, to be closed". Other C libraries ignore them.
const POISON = { MALLOC_PERTURB_: '16', GLIBC_TUNABLES: 'glibc.malloc.tcache_count=0' };
const LOGINS = 8;

test('a WebSocket that had to wait for its login stays open, whatever freed memory holds', async t => {
  const service = await startService({ nodes: {} }, POISON);
  t.teardown(() => service.remove());
  for (let login = 1; login <= LOGINS; login += 1) {
    const as = await service.account(`user-${login}`, 'user');
    const first = await subscribe(service.url, '', { as });
    await first.untilMessages(1);
    const known = await subscribe(service.url, '', { as });
    await known.untilMessages(1);
    first.close();
    known.close();
  }
  t.pass();
});
