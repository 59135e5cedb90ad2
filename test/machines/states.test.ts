import test from 'ava';
import { attachmentMachine } from '../../machines/attachment.ts';
import { diskMachine } from '../../machines/disk.ts';
import { storedStates } from '../../src/charts/states.ts';

type Chart = typeof diskMachine | typeof attachmentMachine;

const tagsOf = (chart: Chart) =>
  Object.fromEntries(Object.values(chart.root.states).map(({ key, tags }) => [key, tags.join(' ')]));

// The rest of the service knows states by these tags only: a new state is decided here.
test('every state of a disk has tags for how it waits, and whether its users know it or it is gone', t => {
  t.deepEqual(tagsOf(diskMachine), {
    new: '',
    creating: '',
    available: 'rest known',
    attached: 'rest known',
    'hot-attached': 'rest known',
    growing: 'known retried',
    wiping: 'gone retried',
    deleting: 'retried',
    failed: 'rest timed',
    deleted: 'rest gone',
  });
});

test('every state of an attachment says how it waits, whether it is plugged, and whether it is gone', t => {
  t.deepEqual(tagsOf(attachmentMachine), {
    new: '',
    attaching: '',
    attached: 'rest',
    'hot-attached': 'rest plugged',
    detaching: 'plugged retried',
    unclaimed: 'rest gone timed',
    released: 'rest gone',
  });
});

// Stored records have these names: renaming or removing a state needs an upgrade of its records.
test('a record may be in every state but the initial and the final one', t => {
  t.deepEqual(storedStates(diskMachine), [
    'creating',
    'available',
    'attached',
    'hot-attached',
    'growing',
    'wiping',
    'deleting',
    'failed',
  ]);
  t.deepEqual(storedStates(attachmentMachine), [
    'attaching',
    'attached',
    'hot-attached',
    'detaching',
    'unclaimed',
  ]);
});

test('states that wait are resumed after a restart, and states at rest are not', t => {
  for (const chart of [diskMachine, attachmentMachine])
    for (const { key, tags, transitions } of Object.values(chart.root.states))
      if (key !== 'new') t.is(transitions.has('RESUME'), !tags.includes('rest'), key);
});
