import test from 'ava';
import type { EventObject } from 'xstate';
import { attachmentMachine } from '../../machines/attachment.ts';
import { diskMachine } from '../../machines/disk.ts';
import { copyOf, onEveryWayBut, type States, stateIn } from './support/stuck/copies.ts';
import { findingsOf } from './support/stuck/findings.ts';
import { waysOf } from './support/stuck/graph.ts';
import { attachmentSubject, diskSubject } from './support/stuck/subjects.ts';

test('no disk is ever stuck: every wait has a deadline and comes to rest', t => {
  t.deepEqual(findingsOf(diskSubject()), []);
});

const attachmentWays = waysOf(attachmentSubject());

test('no attachment is ever stuck: every wait has a deadline and comes to rest', t => {
  t.deepEqual(findingsOf(attachmentSubject(), attachmentWays), []);
});

test('an administrator can end every wait that repeats for an attachment, unless the VM has the disk', t => {
  const isForce = (event: EventObject): boolean => {
    const { forced = event, found } = event as { forced?: object; found?: unknown };
    const { authority, held = [] } = forced as { authority?: string; held?: readonly string[] };
    return event.type === 'HOTDETACH' && authority === 'administrator' && held.length === 0 && !found;
  };
  const events = attachmentSubject().events.filter(isForce);
  t.true(events.length > 0);
  const repeating = new Set(attachmentWays.flatMap(({ to }) => (to.tags.has('retried') ? [to] : [])));
  t.true(repeating.size > 0);
  for (const { state, context } of repeating) {
    const snapshot = attachmentMachine.resolveState({ value: state, context } as never);
    for (const event of events) {
      const [way] = attachmentMachine.getTransitionData(snapshot as never, event as never) ?? [];
      t.is(way?.target?.[0]?.key, 'released', state);
    }
  }
});

/** Few users, and few reports about the VM: enough to come to every state, and quick. */
const fewOnDisks = diskSubject().events.filter(event => {
  const { id = 'a', attachment = 'a' } = event as { id?: string; attachment?: string };
  return [id, attachment].every(one => one === 'a' || one === 'd') && event.type !== 'SET_LIMIT';
});
const fewOnAttachments = attachmentSubject().events.filter(
  event => !('found' in event || 'forced' in event) || event.type === 'NODE_DEAD',
);

const found = (machine: typeof diskMachine | typeof attachmentMachine, change: (states: States) => void) => {
  const copy = copyOf(machine, change);
  return machine === diskMachine
    ? findingsOf({ ...diskSubject(copy), events: fewOnDisks })
    : findingsOf({ ...attachmentSubject(copy), events: fewOnAttachments });
};

test('copies of the charts without a change pass', t => {
  t.deepEqual(
    found(diskMachine, () => {}),
    [],
  );
  t.deepEqual(
    found(attachmentMachine, () => {}),
    [],
  );
});

/** One transition of the copy. */
const way = (states: States, state: string, event: string, index = 0) => {
  const one = stateIn(states, state).on[event]?.[index];
  if (!one) throw new Error(`'${state}' has no transition ${index} for ${event}`);
  return one;
};

const broken: readonly [
  string,
  typeof diskMachine | typeof attachmentMachine,
  (states: States) => void,
  string,
][] = [
  [
    'an exit for time-out is missing',
    diskMachine,
    states => {
      delete stateIn(states, 'creating').on.TIMEOUT;
    },
    "The disk chart: nothing ends 'creating' when its deadline passes: TIMEOUT is not heard.",
  ],
  [
    'a deadline is not set on one way in',
    diskMachine,
    states => onEveryWayBut(states, 'deleting', 'beginDeleting', 'wiping'),
    "The disk chart: after WIPED in 'wiping' it is in 'deleting', and no deadline was set for this wait.",
  ],
  [
    'the first wait has no deadline at all',
    attachmentMachine,
    states => onEveryWayBut(states, 'attaching', 'beginPlugging', 'new'),
    "The attachment chart: after HOTATTACH in 'new' it is in 'attaching' without a deadline.",
  ],
  [
    'an event drops the deadline of a wait',
    diskMachine,
    states => {
      way(states, 'growing', 'EDIT', 2).actions = ['edit', 'clearDeadline'];
    },
    "The disk chart: after EDIT in 'growing' it is in 'growing' without a deadline.",
  ],
  [
    'a wait does not go on after a restart',
    attachmentMachine,
    states => {
      delete stateIn(states, 'detaching').on.RESUME;
    },
    "The attachment chart: nothing goes on in 'detaching' after a restart: RESUME is not heard.",
  ],
  [
    'after a restart nothing is asked for',
    diskMachine,
    states => {
      stateIn(states, 'wiping').on.RESUME = [{ actions: ['beginWiping'] }];
    },
    "The disk chart: RESUME in 'wiping' asks for nothing.",
  ],
  [
    'two waits lead back to each other',
    diskMachine,
    states => {
      stateIn(states, 'deleting').on.TIMEOUT = [{ target: 'creating' }];
    },
    "The disk chart: it goes round for ever: 'creating' to 'deleting' to 'creating'.",
  ],
  [
    'a wait repeats itself and does not say so',
    diskMachine,
    states => {
      stateIn(states, 'growing').tags = ['known'];
    },
    "The disk chart: 'growing' goes on after its deadline, and has no tag 'retried'.",
  ],
  [
    'a wait is only made longer when its deadline passes',
    attachmentMachine,
    states => {
      stateIn(states, 'detaching').on.TIMEOUT = [{ actions: ['beginUnplugging'] }];
    },
    "The attachment chart: the deadline of 'detaching' passes, and nothing is asked for.",
  ],
  [
    'success leads nowhere',
    diskMachine,
    states => {
      delete way(states, 'deleting', 'VOLUME_DELETED', 2).target;
    },
    "The disk chart: 'deleting', which waits for deleteVolume, never comes to rest: " +
      "VOLUME_DELETED leads to 'deleting', and so on.",
  ],
  [
    'a wait asks for nothing',
    diskMachine,
    states => {
      stateIn(states, 'deleting').entry = ['beginDeleting'];
    },
    "The disk chart: 'deleting', which asks for nothing, never comes to rest: TIMEOUT leads to 'deleting', and so on.",
  ],
  [
    'a refusal is not heard',
    attachmentMachine,
    states => {
      delete stateIn(states, 'attaching').on.PLUG_REFUSED;
    },
    "The attachment chart: 'attaching' does not hear PLUG_REFUSED, by which plug may end.",
  ],
  [
    'a result may be taken for that of an earlier request',
    diskMachine,
    states => {
      const growing = stateIn(states, 'growing');
      growing.entry = ['resizeVolume'];
      way(states, 'growing', 'TIMEOUT').actions = ['tryAgainLater'];
    },
    "The disk chart: TIMEOUT in 'growing' asks again under the same number.",
  ],
  [
    'the caller gets no answer',
    attachmentMachine,
    states => {
      way(states, 'detaching', 'UNPLUGGED', 0).actions = ['giveBack'];
    },
    "The attachment chart: UNPLUGGED ends 'detaching' and answers nobody.",
  ],
  [
    'a rest with a deadline is not left by it',
    diskMachine,
    states => {
      stateIn(states, 'failed').on.TIMEOUT = [{ actions: ['tryAgainLater'] }];
    },
    "The disk chart: 'failed' is never left: its deadline leads nowhere.",
  ],
  [
    'a rest has a deadline and does not say so',
    diskMachine,
    states => {
      stateIn(states, 'failed').tags = ['rest'];
    },
    "The disk chart: after REMOVE_FAILED in 'deleting' it is in 'failed', at rest, with a deadline that nobody needs.",
  ],
];

for (const [what, machine, change, sentence] of broken) {
  test(`a copy of the ${machine.id} chart fails if ${what}`, t => {
    const sentences = found(machine, change);
    t.true(sentences.includes(sentence), sentences.join('\n'));
  });
}
