import test from 'ava';
import type { AnyActor } from 'xstate';
import { createDecider } from '../../src/disks/actors/step.ts';
import type { StoredDisk } from '../../src/disks/records/records.ts';
import { DISK, timeouts } from '../machines/support/events.ts';

const available: StoredDisk = {
  v: 2,
  state: 'available',
  context: {
    uuid: DISK,
    owner: 'alice',
    tag: '',
    visibility: 'private',
    sizeGiB: 1,
    limit: 1,
    created: 0,
    users: [],
    attempt: 1,
    deadline: null,
    undo: null,
    grownFrom: null,
    failures: 0,
    repeatable: false,
    wiped: null,
  },
};

test('with an inspector a thousand actors at rest stay awake, and the one that was woken first sleeps first', t => {
  const woken: string[] = [];
  const decider = createDecider(
    () => available,
    event => {
      if (event.type === '@xstate.actor') woken.push((event.actorRef as AnyActor).id);
    },
  );
  const touch = (number: number) =>
    decider.decide([{ to: `disk/${number}`, event: { type: 'SET_LIMIT', limit: 2 } }], {
      now: 0,
      time: 0,
      timeouts,
    });
  for (let number = 0; number < 1000; number += 1) touch(number);
  touch(0);
  t.is(woken.length, 1000);
  touch(1000);
  touch(1);
  t.is(woken.length, 1001);
  touch(0);
  t.deepEqual(woken.slice(1000), ['disk/1000', 'disk/0']);
});
