import test from 'ava';
import { diskMachine } from '../../machines/disk.ts';
import type { DiskContext } from '../../machines/disk-parts.ts';
import { statesWith } from '../../src/charts/states.ts';
import { diskEvents } from './support/events.ts';
import { diskKeyOf } from './support/keys.ts';
import { walk } from './support/walk.ts';

const known: ReadonlySet<string> = statesWith(diskMachine, 'known');
const resting: ReadonlySet<string> = statesWith(diskMachine, 'rest');
const timed: ReadonlySet<string> = statesWith(diskMachine, 'timed');

const { visits, missed } = walk(diskMachine, diskEvents, diskKeyOf);
const contexts = visits.map(({ to, context }) => ({ to, context: context as unknown as DiskContext }));

test('every transition of the chart can be taken', t => {
  t.deepEqual(
    missed.map(({ from, event, guard }) => `${from}: ${event} [${guard ?? ''}]`),
    [],
  );
});

test('a disk is available exactly while it has no users', t => {
  for (const { to, context } of contexts) {
    if (to === 'available') t.is(context.users.length, 0);
    if (to === 'attached' || to === 'hot-attached') t.true(context.users.length > 0);
  }
});

test('a disk is hot-attached exactly while one of its users is hot-plugged', t => {
  for (const { to, context } of contexts) {
    const hot = context.users.some(user => user.mode === 'hot');
    if (to === 'hot-attached') t.true(hot);
    if (to === 'attached') t.false(hot);
  }
});

test('a disk with users is never deleting or wiping', t => {
  for (const { to, context } of contexts) {
    if (!known.has(to)) t.is(context.users.length, 0, to);
  }
});

test('a disk that waits has a deadline, and of those at rest only one whose state says so', t => {
  for (const { to, context } of contexts) {
    if (to === 'new' || to === 'deleted') continue;
    if (!resting.has(to) || timed.has(to)) t.is(typeof context.deadline, 'number', to);
    else t.is(context.deadline, null, to);
  }
});

test('a result of another attempt changes nothing, in any state and context', t => {
  const stale = visits.filter(
    ({ event, before }) => 'attempt' in event && event.attempt !== (before as { attempt?: unknown }).attempt,
  );
  const states = Object.keys(diskMachine.root.states).filter(state => state !== 'deleted');
  t.deepEqual([...new Set(stale.map(({ from }) => from))].sort(), states.sort());
  for (const { from, before, to, context } of stale) {
    t.is(to, from);
    t.is(context, before);
  }
});
