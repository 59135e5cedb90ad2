import type { attachmentMachine } from '../../machines/attachment.ts';
import type { diskMachine } from '../../machines/disk.ts';
import type { StoredStateOf } from './states.ts';

/** Whom a chart waits for: the pool, a node, the guest in a VM, or a decision of a person. */
export type Party = 'pool' | 'node' | 'guest' | 'person';

type State = StoredStateOf<typeof diskMachine> | StoredStateOf<typeof attachmentMachine>;

/** The party that a chart waits for in each state; null: none. A state without an entry does not compile. */
const parties: Readonly<Record<State, Exclude<Party, 'person'> | null>> = {
  creating: 'pool',
  available: null,
  attached: null,
  'hot-attached': null,
  growing: 'pool',
  wiping: 'pool',
  deleting: 'pool',
  failed: null,
  attaching: 'node',
  detaching: 'guest',
  unclaimed: null,
};

/**
 * The party that a disk or an attachment waits for. A person, if the chart rests and it is not known whether
 * the VM is gone. Null: none.
 */
export function partyOf({
  state,
  context,
}: {
  readonly state: State;
  readonly context: object;
}): Party | null {
  return parties[state] ?? ('doubt' in context && context.doubt !== null ? 'person' : null);
}
