import test from 'ava';
import { createTickets } from '../../src/events/tickets.ts';
import { basic } from '../../testkit/http.ts';
import { eventSite } from './support/site.ts';

async function ticketFor(site: Awaited<ReturnType<typeof eventSite>>, account: string): Promise<string> {
  const headers = { authorization: basic(account) };
  const answer = await fetch(`${site.url}/api/events/ticket`, { method: 'POST', headers });
  const { ticket, expires } = (await answer.json()) as { ticket: string; expires: string };
  const life = Date.parse(expires) - Date.now();
  if (answer.status !== 201 || !(life > 0 && life <= 30_000)) throw new Error(`${answer.status} ${expires}`);
  return ticket;
}

test('without credentials there is no stream and no ticket', async t => {
  const site = await eventSite(t);
  await t.throwsAsync(site.subscribe('', { as: '' }), { message: '401 UNAUTHENTICATED' });
  await t.throwsAsync(site.subscribeSse('', { as: '' }), { message: '401 UNAUTHENTICATED' });
  await t.throwsAsync(site.subscribe('?ticket=guess', { as: '' }), { message: '401 UNAUTHENTICATED' });
  t.is((await fetch(`${site.url}/api/events/ticket`, { method: 'POST' })).status, 401);
});

test('a ticket opens one stream of the account that got it, and no second one', async t => {
  const site = await eventSite(t);
  for (const open of [site.subscribe, site.subscribeSse]) {
    const ticket = await ticketFor(site, 'alice');
    const subscriber = await open(`?ticket=${ticket}`, { as: '' });
    await subscriber.untilMessages(1);
    await t.throwsAsync(open(`?ticket=${ticket}`, { as: '' }), { message: '401 UNAUTHENTICATED' });
    await site.accounts.put(site.admin, 'alice', { password: `${Math.random()} horse`, role: 'user' });
    await subscriber.closed;
    await site.accounts.put(site.admin, 'alice', { password: 'correct horse', role: 'user' });
  }
});

test('a ticket is not valid once its account has changed', async t => {
  const site = await eventSite(t);
  const ticket = await ticketFor(site, 'bob');
  await site.accounts.put(site.admin, 'bob', { password: 'another horse', role: 'user' });
  await t.throwsAsync(site.subscribe(`?ticket=${ticket}`, { as: '' }), { message: '401 UNAUTHENTICATED' });
});

test('a ticket is not valid for other requests', async t => {
  const site = await eventSite(t);
  const ticket = await ticketFor(site, 'admin');
  t.is((await fetch(`${site.url}/api/disks?ticket=${ticket}`)).status, 401);
});

test('tickets expire, and their number per account is limited', t => {
  let now = 0;
  let count = 0;
  const tickets = createTickets(
    () => `t${++count}`,
    () => now,
  );
  const alice = { account: 'alice', role: 'user' } as const;
  const bob = { account: 'bob', role: 'user' } as const;
  const { ticket } = tickets.issue(alice);
  now = 30_000;
  t.is(tickets.redeem(ticket), undefined);
  const bobs = tickets.issue(bob).ticket;
  const many = Array.from({ length: 20 }, () => tickets.issue(alice).ticket);
  t.is(tickets.redeem(many[0] ?? ''), undefined);
  t.is(tickets.redeem(many[4] ?? ''), alice);
  t.is(tickets.redeem(many[19] ?? ''), alice);
  t.is(tickets.redeem(bobs), bob);
});

test("a page of another origin opens no WebSocket, the service's own page does", async t => {
  const site = await eventSite(t);
  for (const origin of ['https://evil.example', 'null', site.url.replace('127.0.0.1', 'localhost')]) {
    await t.throwsAsync(site.subscribe('', { headers: { origin } }), { message: '400 CROSS_SITE' }, origin);
  }
  const subscriber = await site.subscribe('', { headers: { origin: site.url } });
  await subscriber.untilMessages(1);
  t.pass();
});
