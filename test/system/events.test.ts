import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import type { EventMessage } from '../../src/api/description/event-schema.ts';
import { type Service, startService } from '../../testkit/service.ts';
import { until } from '../../testkit/until.ts';
import { subscribe } from '../events/support/subscriber.ts';

const CUTS = 1000;
const KILLS = 4;

let service: Service;

test.before(async () => {
  service = await startService({ nodes: {}, event_bookmark: 1 });
});

test.after.always(() => service?.remove());

test.afterEach.always(t => {
  if (!t.passed) t.log(service?.log().slice(-3000));
});

/**
 * Creates disks, attaches, detaches and deletes them until `stop` is aborted; what a kill of the service
 * interrupts is left as it is.
 */
async function load(vmId: string, stop: AbortSignal): Promise<void> {
  const form = { node: 'onehost-1', vm_id: vmId };
  while (!stop.aborted) {
    try {
      const uuid = await service.create();
      await service.call('POST', `/api/attach/${uuid}`, { form });
      await service.call('POST', '/api/detach', { form });
      await service.call('DELETE', `/api/disks/${uuid}`);
    } catch {
      await delay(20);
    }
  }
}

/** The events of one connection that is closed after `events` of them. */
async function readSome(since: number, events: number): Promise<EventMessage[]> {
  const subscriber = await subscribe(service.url, `?since=${since}`).catch(() => undefined);
  if (!subscriber) return [];
  let ended = false;
  void subscriber.closed.then(() => {
    ended = true;
  });
  await until(() => ended || subscriber.events().length >= events, 'events, or the end of the service');
  subscriber.close();
  await subscriber.closed;
  const controls = subscriber.controls().filter(({ control }) => control !== 'bookmark');
  if (controls.length > 0) throw new Error(`no place was lost, but ${JSON.stringify(controls)}`);
  return subscriber.events();
}

test('a subscriber that reconnects a thousand times, with kills of the service, gets each event once', async t => {
  const stop = new AbortController();
  const loads = ['1', '2', '3', '4'].map(vmId => load(vmId, stop.signal));
  const received: EventMessage[] = [];
  let restarting: Promise<void> | undefined;
  for (let cut = 1; cut <= CUTS; cut += 1) {
    const last = received.at(-1)?.sequence ?? 0;
    received.push(...(await readSome(last, Math.floor(Math.random() * 8))));
    if (cut % Math.floor(CUTS / (KILLS + 1)) === 0 && cut < CUTS) {
      restarting = service.kill().then(() => service.start());
      await delay(Math.random() * 20);
      received.push(...(await readSome(received.at(-1)?.sequence ?? 0, 100)));
      await restarting;
    }
  }
  stop.abort();
  await Promise.all(loads);

  const rest = await subscribe(service.url, `?since=${received.at(-1)?.sequence ?? 0}`);
  const bookmark = await until(() => rest.controls()[0], 'a bookmark, after everything');
  received.push(...rest.events());
  const whole = await subscribe(service.url, '?since=0');
  await whole.untilSequence(bookmark.sequence);
  rest.close();
  whole.close();
  t.log(`${received.length} events over ${CUTS} connections and ${KILLS} deaths`);
  const expected = Array.from({ length: bookmark.sequence }, (_, index) => index + 1);
  t.deepEqual(
    received.map(event => event.sequence),
    expected,
  );
  t.deepEqual(received, whole.events());
  const kinds = new Set(received.map(event => event.type));
  t.true(
    ['disk.created', 'disk.attached', 'disk.detached', 'disk.deleted'].every(kind =>
      kinds.has(kind as never),
    ),
  );
});
