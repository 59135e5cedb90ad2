import { readFileSync } from 'node:fs';
import test from 'ava';
import { type AnyStateMachine, createMachine } from 'xstate';
import { attachmentMachine } from '../../machines/attachment.ts';
import { diskMachine } from '../../machines/disk.ts';
import { edgesOf } from '../../src/charts/edges.ts';
import { until } from '../../testkit/until.ts';
import { linesOf, startSite } from './support/site.ts';

const machines: Record<string, AnyStateMachine> = { disk: diskMachine, attachment: attachmentMachine };

const drawn = (machine: AnyStateMachine) =>
  edgesOf(machine).map(({ from, event, guard, to }) => ({ from, event, guard, to }));

interface Finding {
  readonly event: string;
  readonly given: string;
  readonly outcome: string;
  readonly guard: string | null;
  readonly code: string | null;
  readonly message: string | null;
}

interface Chart {
  readonly state: string;
  readonly record: unknown;
  readonly awaits: { readonly events: readonly string[]; readonly until: string } | null;
  readonly events: readonly Finding[];
  readonly mermaid: string;
  readonly attachments: readonly (Chart & { readonly id: string; readonly node: string | null })[];
  readonly history: { readonly events: readonly { readonly type: string; readonly data: object }[] };
}

const found = (chart: Chart | undefined, event: string, given = ''): Finding | undefined =>
  chart?.events.find(one => one.event === event && one.given.includes(given));

test('a chart made from its JSON is the same chart, and .mmd is the committed diagram', async t => {
  const { service } = await startSite(t);
  for (const [name, machine] of Object.entries(machines)) {
    const json = await service.call('GET', `/api/charts/${name}`);
    t.deepEqual(drawn(createMachine(json.body as object)), drawn(machine));
    const { text } = await service.call('GET', `/api/charts/${name}.mmd`);
    const page = readFileSync(new URL(`../../machines/${name}.md`, import.meta.url), 'utf8');
    t.true(page.includes(text), text);
    t.deepEqual(linesOf(text), linesOf(page));
  }
  t.is((await service.call('GET', '/api/charts/nothing')).status, 404);
});

test('the paths under /api/machines are aliases: they answer the same bytes', async t => {
  const { service, hotattach } = await startSite(t);
  await hotattach(await service.create(), '1');
  for (const end of ['', '/disk', '/attachment', '/disk.mmd', '/attachment.mmd', '/nothing']) {
    const chart = await service.call('GET', `/api/charts${end}`);
    const alias = await service.call('GET', `/api/machines${end}`);
    t.is(chart.status, end === '/nothing' ? 404 : 200, end);
    t.is(alias.text, chart.text);
    t.is(alias.status, chart.status);
  }
});

test('a chart says what would be refused and why, with the sentence that a caller would get', async t => {
  const { service, hotattach } = await startSite(t);
  const uuid = await service.create();
  const chart = async () => (await service.call('GET', `/api/disks/${uuid}/chart`)).body as Chart;
  const free = await chart();
  t.is(free.state, 'available');
  t.is(found(free, 'DELETE')?.outcome, 'taken');
  t.is(found(free, 'SET_LIMIT')?.outcome, 'taken');
  t.is((await hotattach(uuid, '1')).status, 200);

  const used = await chart();
  t.is(used.state, 'hot-attached');
  t.is(used.awaits, null);
  t.true(used.mermaid.includes('class hot_attached present'));
  t.is(found(used, 'HOTATTACH', 'another')?.guard, 'limitReached');
  t.is(found(used, 'HOTATTACH', 'again')?.guard, 'usedByThisVm');
  const requests: [string, Finding | undefined, string, string, Record<string, string>?][] = [
    ['delete', found(used, 'DELETE'), 'DELETE', `/api/disks/${uuid}`],
    ['retry', found(used, 'RETRY'), 'POST', `/api/retry/${uuid}`],
    [
      'again',
      found(used, 'HOTATTACH', 'again'),
      'POST',
      `/api/hotattach/${uuid}`,
      { node: 'n1', vm_id: '1' },
    ],
    [
      'other',
      found(used, 'HOTATTACH', 'another'),
      'POST',
      `/api/hotattach/${uuid}`,
      { node: 'n1', vm_id: '2' },
    ],
  ];
  for (const [name, finding, method, path, form] of requests) {
    const { headers, body } = await service.call(method, path, form ? { form } : {});
    t.is(finding?.outcome, 'refused', name);
    t.is(headers.get('x-error-code'), finding?.code ?? '', name);
    t.deepEqual((body as { message: string[] }).message, [finding?.message ?? ''], name);
  }

  const [attachment] = used.attachments;
  t.is(attachment?.state, 'hot-attached');
  t.is(found(attachment, 'DETACH', 'runs')?.code, 'VM_RUNNING');
  t.is(found(attachment, 'DETACH', 'seen to end')?.outcome, 'taken');
  t.is(found(attachment, 'HOTDETACH')?.outcome, 'taken');
  const { text } = await service.call('GET', `/api/disks/${uuid}/chart.mmd?attachment=${attachment?.id}`);
  t.is(text, attachment?.mermaid ?? '');
  t.deepEqual(
    used.history.events.map(({ type }) => type),
    ['disk.state-changed', 'disk.created', 'disk.state-changed', 'disk.state-changed', 'disk.attached'],
  );
});

test('awaited events are shown with their deadline, and the history survives a restart', async t => {
  const { service, n1, hotattach, hotdetach } = await startSite(t);
  n1.setManners('one-1', 'unwilling');
  const uuid = await service.create();
  await hotattach(uuid, '1');
  const detaching = hotdetach(uuid, '1').catch(() => {});
  const chart = async () => (await service.call('GET', `/api/disks/${uuid}/chart`)).body as Chart;
  const { awaits } = await until(
    async () => (await chart()).attachments.find(({ state }) => state === 'detaching'),
    'the detaching',
  );
  t.deepEqual(
    ['UNPLUGGED', 'KEPT', 'TIMEOUT'].filter(event => !awaits?.events.includes(event)),
    [],
  );
  t.true(Date.parse(awaits?.until ?? '') > Date.now());
  await service.kill();
  await detaching;
  await service.start();
  t.like((await chart()).history.events[1], { type: 'disk.created' });
});

test('the chart of a disk is shown to those who see the disk, with no more about VMs than elsewhere', async t => {
  const { service, hotattach } = await startSite(t);
  const alice = await service.account('alice', 'user');
  const bob = await service.account('bob', 'user');
  const mine = await service.create(1, 'private', alice);
  const open = await service.create(1, 'public', alice);
  await hotattach(open, '1', alice);
  const see = (uuid: string, as: string) => service.call('GET', `/api/disks/${uuid}/chart`, { as });

  t.is((await see(mine, bob)).headers.get('x-error-code'), 'DISK_UNKNOWN');
  t.is((await see(mine, alice)).status, 200);
  const whole = (await see(open, alice)).body as Chart;
  t.is(whole.attachments[0]?.node, 'n1');
  t.not(whole.record, null);
  const { text, body } = await see(open, bob);
  const outside = body as Chart;
  t.is(outside.attachments[0]?.node, null);
  t.is(outside.record, null);
  t.is(found(outside, 'HOTATTACH', 'another')?.code, 'LIMIT_REACHED');
  // An id is random, and may have any letters in it.
  t.false(text.replaceAll(outside.attachments[0]?.id ?? '', '').includes('n1'), text);
  const counted = (await service.call('GET', '/api/charts', { as: bob })).body as {
    states: { state: string; count: number }[];
  }[];
  t.deepEqual(
    counted.map(({ states }) => states.filter(({ count }) => count > 0)),
    [[{ state: 'hot-attached', count: 1 }], [{ state: 'hot-attached', count: 1 }]],
  );
});
