import type { ExecutionContext } from 'ava';
import { pino } from 'pino';
import { createAccounts } from '../../../src/accounts/accounts.ts';
import { type ApiSettings, createApi } from '../../../src/api/server.ts';
import { PASSWORD } from '../../../testkit/http.ts';
import { cheap, memoryStore } from '../../accounts/support/memory-store.ts';
import { auditInMemory } from '../../api/support/audit.ts';
import {
  chartDouble,
  diskDouble,
  driftDouble,
  explainDouble,
  leftoverDouble,
  nodeDouble,
} from '../../api/support/disks.ts';
import { answers } from '../../api/support/once.ts';
import { monitoring, plain } from '../../api/support/server.ts';
import { ACCOUNT_ID } from './memory-log.ts';
import { eventParts } from './parts.ts';
import { type Subscriber, subscribe, subscribeSse } from './subscriber.ts';

/** The API over a log in memory, with accounts `admin`, `cloud` (service), `alice` and `bob` (users). */
export async function eventSite(
  t: ExecutionContext,
  more: Parameters<typeof eventParts>[2] = {},
  settings: Partial<ApiSettings> = {},
) {
  const accounts = await createAccounts(memoryStore(), { cost: cheap, newId: () => ACCOUNT_ID });
  await accounts.createFirst('admin', PASSWORD);
  const admin = await accounts.verify('admin', PASSWORD);
  if (!admin) throw new Error('no administrator');
  await accounts.put(admin, 'cloud', { password: PASSWORD, role: 'service' });
  for (const name of ['alice', 'bob']) await accounts.put(admin, name, { password: PASSWORD, role: 'user' });
  const service = diskDouble();
  const { memory, events } = await eventParts(accounts, service, more);
  const api = createApi({
    service,
    nodes: nodeDouble,
    leftovers: leftoverDouble(),
    drift: driftDouble,
    charts: chartDouble,
    explain: explainDouble,
    audit: await auditInMemory(),
    accounts,
    answers: await answers(),
    events,
    monitoring: monitoring(),
    log: pino({ level: 'silent' }),
    settings: { ...plain, ...settings },
  });
  const { port } = await api.listen('127.0.0.1', 0);
  const open: Subscriber[] = [];
  t.teardown(async () => {
    for (const subscriber of open) subscriber.close();
    await api.stop(0);
  });
  const url = `${settings.tls ? 'https' : 'http'}://127.0.0.1:${port}`;

  return {
    ...memory,
    accounts,
    admin,
    service,
    streams: events.streams,
    api,
    url,
    async subscribe(...args: Parameters<typeof subscribe> extends [string, ...infer Rest] ? Rest : never) {
      const subscriber = await subscribe(url, ...args);
      open.push(subscriber);
      return subscriber;
    },
    async subscribeSse(...args: Parameters<typeof subscribe> extends [string, ...infer Rest] ? Rest : never) {
      const subscriber = await subscribeSse(url, ...args);
      open.push(subscriber);
      return subscriber;
    },
  };
}
