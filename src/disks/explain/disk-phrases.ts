import type { diskMachine } from '../../../machines/disk.ts';
import type { DiskMessage } from '../../../machines/disk-events.ts';
import type { DiskContext } from '../../../machines/disk-parts.ts';
import type { StateOf, StoredStateOf } from '../../charts/states.ts';
import { errorOf } from '../../errors.ts';
import { percentOf } from '../services/details.ts';

// Each table has an entry for everything that the chart has: a new state or message does not compile until
// its sentence is here.

const vms = (count: number): string => `${count} ${count === 1 ? 'VM' : 'VMs'}`;

const whyUndone = ({ uuid, undo }: DiskContext): string =>
  undo === null ? '' : `: ${errorOf(undo.code, { disk: uuid, detail: undo.detail }).messages[0]}`;

/** What a disk is doing, by its state; the sentence continues "The disk …". */
export const diskDoes: Readonly<Record<StoredStateOf<typeof diskMachine>, (context: DiskContext) => string>> =
  {
    creating: ({ sizeGiB }) => `is being created: the pool makes its volume of ${sizeGiB} GiB`,
    available: () => 'is used by no VM',
    attached: ({ users, limit }) =>
      `is used by ${vms(users.length)} of at most ${limit}, none of them hot-plugged`,
    'hot-attached': ({ users, limit }) =>
      `is used by ${vms(users.length)} of at most ${limit}, at least one of them hot-plugged`,
    growing: ({ grownFrom, sizeGiB, users }) =>
      `is being made larger, from ${grownFrom ?? sizeGiB} to ${sizeGiB} GiB, and is used by ${vms(users.length)}`,
    wiping: ({ wiped }) =>
      `is deleted, and its volume is being overwritten before it is removed: ${wiped ? percentOf(wiped) : 0} % are done`,
    deleting: context =>
      context.undo === null
        ? 'is deleted, and its volume is being removed'
        : `could not be created, and what was made of it is being removed${whyUndone(context)}`,
    failed: context =>
      `could not be created, and what was made of it could not be removed yet${whyUndone(context)}`,
  };

/** Where a deadline leads that moves a disk to another state. */
export const diskThen: Readonly<Record<Exclude<StateOf<typeof diskMachine>, 'new'>, string>> = {
  creating: 'its creation begins anew',
  available: 'it can be used',
  attached: 'it is attached',
  'hot-attached': 'it is attached',
  growing: 'it is made larger',
  wiping: 'its volume is overwritten',
  deleting: 'what was made of it is removed',
  failed: 'it counts as failed, and the removal is tried again later',
  deleted: 'it is gone',
};

/** What each message means to a disk, as a phrase. */
export const diskHears: Readonly<Record<DiskMessage['type'], string>> = {
  CREATE: 'a request creates it',
  ADOPT: 'an administrator adopts its volume',
  DISCARD: 'an administrator has its volume removed',
  VOLUME_CREATED: 'the pool has made the volume',
  VOLUME_FAILED: 'the pool could not make the volume',
  NOT_BEGUN: 'the pool has not begun to make the volume',
  HOTATTACH: 'a request plugs it into a running VM',
  ATTACH: 'a request registers it with a VM',
  ADOPT_USER: 'a VM is found that has it without a record',
  RELEASED: 'a VM has released it',
  MOVED: 'a VM that uses it has moved to another node',
  SET_LIMIT: 'an administrator sets its limit of users',
  RESIZE: 'a request makes it larger',
  RESIZED: 'the volume has the new size, and every VM knows',
  NOT_RESIZED: 'the volume kept its old size',
  RESIZE_PENDING: 'the volume has the new size, but not every VM could be told',
  EDIT: 'a request changes its tag or visibility',
  DELETE: 'a request deletes it',
  WIPED: 'the pool has overwritten a piece of the volume',
  WIPE_FAILED: 'the pool could not overwrite the volume',
  VOLUME_DELETED: 'the pool has removed the volume',
  REMOVE_FAILED: 'the pool could not remove the volume',
  RETRY: 'a request creates it anew',
  TIMEOUT: 'the time is up',
  RESUME: 'pdisk is started again',
};
