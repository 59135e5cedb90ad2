import test from 'ava';
import { endOf, isMoving, type Turn, turnOf } from '../../src/hypervisor/lifecycle.ts';
import { createRuns } from '../../src/hypervisor/runs.ts';
import { EVENT, STATE, type State, type Told } from '../../testkit/fakes/libvirtd/lifecycle.ts';

const domain = { name: 'a', uuid: 'u', id: 1 };

const running: Turn = { kind: 'running' };
const ended = (how: 'shutdown' | 'destroyed' | 'crashed' | 'failed'): Turn => ({ kind: 'ended', how });

/** The lifecycle change that each event of libvirt reports. */
const turns: Record<Told, Turn | undefined> = {
  definedAdded: { kind: 'defined' },
  definedUpdated: { kind: 'defined' },
  definedFromSnapshot: { kind: 'defined' },
  undefined: undefined,
  startedBooted: running,
  startedMigrated: { kind: 'changed' },
  startedRestored: running,
  startedFromSnapshot: running,
  suspendedPaused: undefined,
  suspendedMigrated: { kind: 'switching' },
  resumedUnpaused: running,
  resumedMigrated: running,
  resumedFromSnapshot: running,
  stoppedShutdown: ended('shutdown'),
  stoppedDestroyed: ended('destroyed'),
  stoppedCrashed: ended('crashed'),
  stoppedMigrated: { kind: 'migrated' },
  stoppedSaved: { kind: 'saved' },
  stoppedFailed: ended('failed'),
  stoppedFromSnapshot: { kind: 'changed' },
  shutdownGuest: undefined,
  shutdownHost: undefined,
  crashedPanicked: undefined,
};

test('each event of libvirt reports the right lifecycle change, or none', t => {
  for (const [told, turn] of Object.entries(turns)) {
    const [event, detail] = EVENT[told as Told];
    t.deepEqual(turnOf({ type: 'lifecycle', domain, event, detail }), turn, told);
  }
});

test('an unknown detail of STOPPED proves no end; a post-copy migration has a switch-over', t => {
  t.deepEqual(turnOf({ type: 'lifecycle', domain, event: 5, detail: 77 }), { kind: 'changed' });
  t.deepEqual(turnOf({ type: 'lifecycle', domain, event: 3, detail: 7 }), { kind: 'switching' });
  t.is(turnOf({ type: 'device-removed', domain, alias: 'ua-x' }), undefined);
});

const statesIn = (is: (state: { state: number; reason: number }) => unknown): string[] =>
  Object.keys(STATE).filter(name => {
    const [state, reason] = STATE[name as State];
    return is({ state, reason });
  });

test('a domain moves if it is paused by a migration or its start, not if a user paused it', t => {
  t.deepEqual(statesIn(isMoving), ['migrating', 'startingUp']);
});

test('the state of a domain tells its end only if it was switched off, destroyed or crashed', t => {
  t.deepEqual(statesIn(endOf), ['offShutdown', 'offDestroyed', 'offCrashed']);
});

test('a run that was seen is returned once, when it ends', t => {
  const runs = createRuns();
  runs.begin('n', 1);
  runs.seen('n', 1, 'u', 7);
  t.is(runs.ended('n', 'u'), 7);
  t.is(runs.ended('n', 'u'), undefined);
  runs.started('n', 'u', 8);
  t.is(runs.ended('m', 'u'), undefined, 'another node');
  t.is(runs.ended('n', 'v'), undefined, 'another VM');
  t.is(runs.ended('n', 'u'), 8);
});

test('a run that was seen on an earlier connection is forgotten, also if the answer comes late', t => {
  const runs = createRuns();
  runs.started('n', 'u', 1);
  t.is(runs.ended('n', 'u'), undefined, 'no connection yet');
  runs.begin('n', 1);
  runs.seen('n', 1, 'u', 7);
  runs.begin('n', 2);
  t.is(runs.ended('n', 'u'), undefined);
  runs.seen('n', 1, 'u', 7);
  t.is(runs.ended('n', 'u'), undefined);
  runs.seen('n', 2, 'u', 7);
  t.is(runs.ended('n', 'u'), 7);
});
