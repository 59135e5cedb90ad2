import test from 'ava';
import { attachmentMachine } from '../../machines/attachment.ts';
import type { AttachmentContext } from '../../machines/attachment-parts.ts';
import { attachmentEvents } from './events.ts';
import { walk } from './walk.ts';

const { visits, missed } = walk(attachmentMachine, attachmentEvents, context => {
  const { mode, undo, away, attempt, target, deadline } = context as unknown as AttachmentContext;
  return [mode, undo, away, Math.min(attempt, 3), target, deadline];
});

test('every transition of the chart can be taken', t => {
  t.deepEqual(
    missed.map(({ from, event, guard }) => `${from}: ${event} [${guard ?? ''}]`),
    [],
  );
});

test('an attachment waits with a deadline, and holds its disk without one', t => {
  for (const { to, context } of visits) {
    const { deadline } = context as unknown as AttachmentContext;
    if (['attaching', 'detaching', 'unclaimed'].includes(to)) t.is(typeof deadline, 'number', to);
    if (to === 'attached' || to === 'hot-attached') t.is(deadline, null, to);
  }
});

test('a silent node never releases a hot-plugged disk', t => {
  const silent = visits.filter(
    ({ event }) =>
      ['PLUG_UNKNOWN', 'UNPLUG_FAILED', 'KEPT', 'MACHINE_AWAY'].includes(event.type) ||
      (event.type === 'DETACH' && 'machine' in event && event.machine === 'unknown'),
  );
  t.true(silent.length > 0);
  for (const { from, to } of silent) {
    if (from === 'attaching' || from === 'detaching' || from === 'hot-attached') t.not(to, 'released');
  }
});

test('a machine that is away is not taken for dead', t => {
  const away = visits.filter(
    ({ event, context }) => event.type === 'MACHINE_DEAD' && (context as unknown as AttachmentContext).away,
  );
  t.true(away.length > 0);
  for (const { from, to } of away) t.is(to, from);
});

test('what an older attempt brings back is not heard', t => {
  for (const { event, from, to, context } of visits) {
    const { attempt } = context as unknown as AttachmentContext;
    if ('attempt' in event && event.attempt !== attempt && from !== 'attaching' && from !== 'detaching')
      t.is(to, from);
  }
});
