import test from 'ava';
import { and, not, or, setup } from 'xstate';
import { diskMachine } from '../../machines/disk.ts';
import { type Mutant, mutantsOf } from '../../scripts/lib/mutants.ts';
import { complaintsOf, killerOf } from '../../scripts/lib/mutation-run.ts';
import { availableDisk } from '../machines/support/play.ts';

const isOpen = () => true;
const isLocked = () => false;
const isNight = () => false;

const door = setup({
  actions: { ring: () => {}, note: (_, _params: { text: string }) => {} },
  guards: { mayPass: and([isOpen, not(or([isLocked, isNight]))]), isOpen },
}).createMachine({
  id: 'door',
  initial: 'shut',
  states: {
    shut: {
      on: {
        PUSH: [{ guard: 'mayPass', target: 'wide', actions: 'ring' }, { actions: 'ring' }],
        PULL: { target: 'shut' },
      },
    },
    wide: {
      entry: 'ring',
      on: { PULL: { target: 'wide', reenter: true, actions: { type: 'note', params: { text: '' } } } },
    },
  },
});

test('a mutant changes one guard, operand, action or target, and is named for it', t => {
  t.deepEqual(
    mutantsOf(door).map(({ name }) => name),
    [
      'door shut: PUSH [mayPass]: guard dropped',
      'door shut: PUSH [mayPass]: guard negated',
      'door shut: PUSH [mayPass]: guard without isOpen',
      'door shut: PUSH [mayPass]: guard without not(or(isLocked, isNight))',
      'door shut: PUSH [mayPass]: guard without isLocked',
      'door shut: PUSH [mayPass]: guard without isNight',
      'door shut: PUSH [mayPass]: ring dropped',
      'door shut: PUSH [mayPass]: target dropped',
      'door shut: PUSH: ring dropped',
      'door wide: entry: ring dropped',
      'door wide: PULL: note dropped',
      'door wide: PULL: target dropped',
    ],
  );
});

test('making mutants does not change the chart', t => {
  const before = JSON.stringify(door.config);
  mutantsOf(door);
  t.is(JSON.stringify(door.config), before);
});

const named = (name: string): Mutant => {
  const mutant = mutantsOf(diskMachine).find(one => one.name === name);
  if (!mutant) throw new Error(name);
  return mutant;
};

test('a mutant is killed by a rule whose expectation fails on it, and only by that', t => {
  const mutant = named('disk available: SET_LIMIT: setLimit dropped');
  const expects = (limit: number) => ({
    title: `expects ${limit}`,
    check: (t: { is(actual: unknown, expected: unknown): void }) => {
      const disk = availableDisk(1);
      disk.send({ type: 'SET_LIMIT', limit: 3 });
      t.is(disk.context().limit, limit);
    },
  });
  const throws = {
    title: 'throws',
    check: () => {
      throw new Error('no expectation');
    },
  };
  t.is(killerOf(mutant, [expects(1), throws]), undefined);
  t.is(killerOf(mutant, [throws, expects(3)])?.title, 'expects 3');
  const disk = availableDisk(1);
  disk.send({ type: 'SET_LIMIT', limit: 3 });
  t.is(disk.context().limit, 3, 'the chart itself is played again');
});

test('every survivor has to be listed, and every listed mutant has to survive', t => {
  const killer = { title: 'kills', check: () => {} };
  const verdicts = [
    { name: 'a', killer },
    { name: 'b', killer: undefined },
    { name: 'c', killer: undefined },
  ];
  const list = (...mutants: string[]) => mutants.map(mutant => ({ mutant, why: '' }));
  t.deepEqual(complaintsOf(verdicts, list('b', 'c')), []);
  t.deepEqual(complaintsOf(verdicts, list('b')), ['survives: c']);
  t.deepEqual(complaintsOf(verdicts, list('a', 'b', 'c')), ['listed, but killed: a']);
  t.deepEqual(complaintsOf(verdicts, list('b', 'c', 'd')), ['listed, but no mutant: d']);
  t.deepEqual(complaintsOf([...verdicts, { name: 'a', killer }], list('b', 'c')), [
    'two mutants have one name: a',
  ]);
});
