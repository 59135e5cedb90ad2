import test from 'ava';
import { gate } from '../../testkit/latch.ts';
import { until } from '../../testkit/until.ts';
import { admin, createSite } from './support/site.ts';

test('a silent node is logged once when it becomes silent and once when it answers again, by its name', async t => {
  const site = await createSite(t, {}, { level: 'info' });
  site.n1.addDomain({ name: 'one-1' });
  site.n2.addDomain({ name: 'one-2' });
  await site.hotattach(await site.create(), '1');
  await site.hotattach(await site.create(), '2', 'n2');
  await site.n1.cut();
  await site.untilLogged('node not reconciled');
  const passes = (): number =>
    site.n2.calls.filter(({ procedure }) => procedure === 'domainGetXmlDesc').length;
  const before = passes();
  await until(() => passes() >= before + 6, 'passes over all nodes', { timeoutMs: 60_000 });
  await site.n1.listen();
  await site.untilLogged('node reconciled again');
  const lines = site.lines.map(line => JSON.parse(line));
  const told = lines.filter(({ msg }) => /reconciled/.test(msg));
  t.deepEqual(
    told.map(({ level, node, msg }) => [level, node, msg]),
    [
      [40, 'n1', 'node not reconciled'],
      [30, 'n1', 'node reconciled again'],
    ],
  );
  t.notRegex(told[0].error, /PdiskError/);
  t.deepEqual(new Set(lines.flatMap(({ node }) => node ?? [])), new Set(['n1', 'n2']));
});

test('a node that has not answered yet is unreachable with a reason, and has none once it answers', async t => {
  const site = await createSite(t);
  const held = gate();
  site.n1.faults.inject('connectOpen', { kind: 'delay', until: held.opened }, 2);
  site.n1.addDomain({ name: 'one-1' });
  const attaching = site.hotattach(await site.create(), '1');
  const n1 = () => site.disks.nodes.list(admin).find(({ node }) => node === 'n1');
  await until(n1, 'the node');
  t.like(n1(), { reachable: false, operation: { error: 'it has not answered yet' } });
  held.open();
  await attaching;
  t.like(n1(), { reachable: true, operation: { error: null } });
});
