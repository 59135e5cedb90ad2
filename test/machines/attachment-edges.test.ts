import test from 'ava';
import { attachmentMachine } from '../../machines/attachment.ts';
import type { AttachmentContext } from '../../machines/attachment-parts.ts';
import { statesWith } from '../../src/charts/states.ts';
import { attachmentEvents, ELSEWHERE } from './support/events.ts';
import { attachmentKeyOf } from './support/keys.ts';
import { walk } from './support/walk.ts';

const { visits, missed } = walk(attachmentMachine, attachmentEvents, attachmentKeyOf);
const contextOf = (visit: { context: Record<string, unknown> }) =>
  visit.context as unknown as AttachmentContext;

const resting: ReadonlySet<string> = statesWith(attachmentMachine, 'rest');
const timed: ReadonlySet<string> = statesWith(attachmentMachine, 'timed');
const ends: ReadonlySet<string> = statesWith(attachmentMachine, 'gone');
/** The visits of events that bring facts about where the VM is, with those facts. */
const found = visits.flatMap(visit => {
  const { event } = visit as unknown as { event: { found?: { at: string }; authority?: string } };
  return event.found ? [{ ...visit, found: event.found, authority: event.authority }] : [];
});

test('every transition of the chart can be taken', t => {
  t.deepEqual(
    missed.map(({ from, event, guard }) => `${from}: ${event} [${guard ?? ''}]`),
    [],
  );
});

test('an attachment that waits has a deadline, and of those at rest only one whose state says so', t => {
  for (const { to, context } of visits) {
    const { deadline } = context as unknown as AttachmentContext;
    if (to === 'new' || to === 'released') continue;
    if (!resting.has(to) || timed.has(to)) t.is(typeof deadline, 'number', to);
    else t.is(deadline, null, to);
  }
});

test('a failed or unknown result of a request to a node never releases a disk that was seen plugged', t => {
  const failed = visits.filter(({ event }) =>
    ['PLUG_UNKNOWN', 'UNPLUG_FAILED', 'KEPT', 'LEFT'].includes(event.type),
  );
  t.true(failed.length > 0);
  for (const { from, to } of failed) {
    if (from !== 'unclaimed' && from !== 'new') t.false(ends.has(to), `${from} to ${to}`);
  }
});

test('a VM that hosts show running with the disk never loses it, not even by force', t => {
  const shown = found.filter(({ found, event }) => {
    const { disks } = found as { disks?: readonly string[] | null };
    return found.at === 'running' && disks?.length !== 0 && event.type !== 'NODE_DEAD';
  });
  t.true(shown.length > 0);
  for (const { from, to, event } of shown) {
    if (from !== 'unclaimed') t.false(ends.has(to), `${event.type} from ${from} to ${to}`);
  }
});

test('a VM that is saved, or in the middle of a migration, is released by nothing but force', t => {
  const away = found.filter(({ found }) => found.at === 'saved' || found.at === 'moving');
  t.true(away.length > 0);
  for (const { from, to, event, authority } of away) {
    const isForced =
      authority === 'administrator' || event.type === 'NODE_DEAD' || event.type === 'HOTDETACH';
    // Registered before the launch and never seen with the disk: then the caller's word counts.
    const isUnseen = from === 'attached' && event.type === 'DETACH';
    if (from !== 'unclaimed' && !isForced && !isUnseen) t.false(ends.has(to), `${event.type} from ${from}`);
  }
});

test('absence from all lists releases nothing by itself', t => {
  const absent = found.filter(({ found, event }) => {
    const { end, over } = found as { end?: unknown; over?: boolean };
    return (
      found.at === 'nowhere' &&
      end === null &&
      !over &&
      (event.type === 'FOUND' || event.type === 'NOT_RUNNING')
    );
  });
  t.true(absent.length > 0);
  for (const visit of absent) {
    if (visit.from !== 'unclaimed') t.false(ends.has(visit.to), `${visit.event.type} from ${visit.from}`);
  }
});

test('a hot-plugged disk that a definition holds is released by nothing but force', t => {
  const defined = found.filter(({ found, context }) => {
    const { defined = [] } = found as { defined?: readonly string[] };
    return defined.includes((context as unknown as AttachmentContext).disk);
  });
  const hot = defined.filter(visit => contextOf(visit).mode === 'hot' && visit.from !== 'unclaimed');
  t.true(hot.length > 0);
  for (const { from, to, event, authority } of hot) {
    const isForced =
      authority === 'administrator' || event.type === 'NODE_DEAD' || event.type === 'HOTDETACH';
    if (!isForced) t.false(ends.has(to), `${event.type} from ${from}`);
  }
});

test('a plug in flight whose VM ends is undone, never released directly', t => {
  const inFlight = found.filter(({ from, event }) => from === 'attaching' && event.type === 'FOUND');
  t.true(inFlight.some(({ to }) => to === 'detaching'));
  for (const { to } of inFlight) t.false(ends.has(to));
});

test('a plug that libvirt has not answered keeps the disk, whatever is known of the VM, except by force', t => {
  const undone = visits.filter(visit => visit.from === 'detaching' && contextOf(visit).undo);
  const released = undone.filter(({ to }) => ends.has(to));
  const waiting = released.filter(visit => contextOf(visit).atWork !== null);
  t.true(released.length > waiting.length);
  for (const visit of waiting) {
    const { type, authority, forced, settled, node } = visit.event as unknown as Record<string, unknown>;
    const isAnswered = type === 'UNPLUGGED' || settled === true;
    const isForced = authority === 'administrator' || forced !== undefined;
    const isNodeDead = type === 'NODE_DEAD' && node === contextOf(visit).atWork?.node;
    t.true(isAnswered || isForced || isNodeDead, type as string);
  }
});

test('a VM that runs on another node is followed there, also when its node is declared dead', t => {
  const moved = found.filter(({ found, from, event }) => {
    const { vm, homeIsSilent } = found as { vm?: { node: string }; homeIsSilent?: boolean };
    return (
      vm?.node === ELSEWHERE &&
      !homeIsSilent &&
      from === 'hot-attached' &&
      ['FOUND', 'NODE_DEAD'].includes(event.type)
    );
  });
  t.true(moved.length > 0);
  for (const visit of moved) t.deepEqual([visit.to, contextOf(visit).vm.node], ['hot-attached', ELSEWHERE]);
});

test('a VM that may be on another node is not released when its own is declared dead', t => {
  const dead = found.filter(({ event, from }) => event.type === 'NODE_DEAD' && from !== 'unclaimed');
  const may = dead.filter(visit => visit.found.at !== 'nowhere' || contextOf(visit).seen === 'migrated');
  t.true(may.length > 0 && may.length < dead.length);
  for (const { to, from } of may) t.false(ends.has(to), `from ${from}`);
});

test('a VM that is seen elsewhere without the disk keeps it while its own node is silent', t => {
  const split = found.filter(visit => {
    const { found, event, from } = visit;
    const { homeIsSilent } = found as { homeIsSilent?: boolean };
    if (contextOf(visit).vm.node === ELSEWHERE) return false;
    return homeIsSilent && event.type === 'FOUND' && ['hot-attached', 'detaching', 'attached'].includes(from);
  });
  t.true(split.length > 0);
  for (const { to } of split) t.false(ends.has(to));
});

test('a result of another attempt changes nothing, in any state and context', t => {
  const stale = visits.filter(
    ({ event, before }) => 'attempt' in event && event.attempt !== (before as { attempt?: unknown }).attempt,
  );
  const states = Object.keys(attachmentMachine.root.states).filter(state => state !== 'released');
  t.deepEqual([...new Set(stale.map(({ from }) => from))].sort(), states.sort());
  for (const { from, before, to, context } of stale) {
    t.is(to, from);
    t.is(context, before);
  }
});
