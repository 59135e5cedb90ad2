// What the connections of nodes have shown of the runs of domains.
import test from 'ava';
import { createRuns } from '../../src/hypervisor/runs.ts';

const [NODE, VM] = ['n1', 'vm'];

function linked() {
  const runs = createRuns();
  runs.begin(NODE, 1);
  return runs;
}

test('the end of a run is the last that is known until a later run begins', t => {
  const runs = linked();
  t.is(runs.lastEnd(NODE, VM), undefined);
  runs.started(NODE, VM, 7);
  t.is(runs.ended(NODE, VM), 7);
  t.is(runs.lastEnd(NODE, VM), 7);
  runs.started(NODE, VM, 8);
  t.is(runs.lastEnd(NODE, VM), undefined);
});

test('the end of a run that was not seen has no id', t => {
  const runs = linked();
  t.is(runs.ended(NODE, VM), undefined);
  t.is(runs.lastEnd(NODE, VM), null);
});

test('a VM that was saved or has migrated has not ended', t => {
  const runs = linked();
  runs.started(NODE, VM, 7);
  runs.ended(NODE, VM);
  runs.started(NODE, VM, 8);
  runs.left(NODE, VM);
  t.is(runs.lastEnd(NODE, VM), undefined);
});

test('a new connection knows of no end: a run may have begun unseen', t => {
  const runs = linked();
  runs.started(NODE, VM, 7);
  runs.ended(NODE, VM);
  runs.begin(NODE, 2);
  t.is(runs.lastEnd(NODE, VM), undefined);
});

test('only the newest ends are remembered', t => {
  const runs = linked();
  const names = Array.from({ length: 10_001 }, (_, index) => `vm ${index}`);
  for (const name of names) runs.ended(NODE, name);
  t.is(runs.lastEnd(NODE, 'vm 0'), undefined);
  t.is(runs.lastEnd(NODE, 'vm 1'), null);
  t.is(runs.lastEnd(NODE, 'vm 10000'), null);
});

test('the late answer to a query that shows a run which has ended changes nothing', t => {
  const runs = linked();
  runs.started(NODE, VM, 7);
  runs.ended(NODE, VM);
  runs.seen(NODE, 1, VM, 7);
  t.is(runs.lastEnd(NODE, VM), 7);
  t.is(runs.ended(NODE, VM), undefined);
});
