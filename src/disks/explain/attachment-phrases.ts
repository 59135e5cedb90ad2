import type { attachmentMachine } from '../../../machines/attachment.ts';
import type { AttachmentMessage } from '../../../machines/attachment-events.ts';
import type { AttachmentContext } from '../../../machines/attachment-parts.ts';
import type { LastSeen } from '../../../machines/vm-location.ts';
import type { Party } from '../../charts/parties.ts';
import type { StateOf, StoredStateOf } from '../../charts/states.ts';

// Each table has an entry for everything that the chart has: a new state, message or reason does not compile
// until its sentence is here.

/** What an attachment is doing, by its state; `vm` names the VM. */
export const attachmentDoes: Readonly<
  Record<StoredStateOf<typeof attachmentMachine>, (context: AttachmentContext, vm: string) => string>
> = {
  attaching: (_, vm) => `It is being plugged into ${vm}.`,
  'hot-attached': (_, vm) => `${vm} has it, hot-plugged.`,
  attached: ({ vm: { domain } }, vm) =>
    domain === null
      ? `It is registered with ${vm}, which has not been seen with it yet.`
      : `${vm} has it since its launch.`,
  detaching: ({ undo }, vm) =>
    undo
      ? `It is not known whether a plug into ${vm} has succeeded; that is being undone.`
      : `${vm} is asked to let go of it.`,
  unclaimed: (_, vm) =>
    `${vm} is dead and does not hold it any more; a detach call for that is still answered.`,
};

/** Where a message leads that moves an attachment to another state. */
export const attachmentThen: Readonly<Record<Exclude<StateOf<typeof attachmentMachine>, 'new'>, string>> = {
  attaching: 'the disk is plugged',
  'hot-attached': 'the disk stays attached, and a new request may ask for it',
  attached: 'the disk stays attached',
  detaching: 'the VM is asked to let go of the disk',
  unclaimed: 'the disk is free',
  released: 'the disk is free',
};

/** What each message means to an attachment, as a phrase. */
export const attachmentHears: Readonly<Record<AttachmentMessage['type'], string>> = {
  HOTATTACH: 'a request plugs the disk',
  ATTACH: 'a request registers the VM',
  ADOPT: 'the VM is found with the disk',
  PLUGGED: 'the VM has the disk',
  PLUG_REFUSED: 'the node has refused the disk',
  PLUG_UNKNOWN: 'it is not known whether the node has plugged the disk',
  HOTDETACH: 'a request unplugs the disk',
  UNPLUGGED: 'the VM has let go of the disk',
  KEPT: 'the guest has not let go of the disk',
  UNPLUG_FAILED: 'the node could not unplug the disk',
  NOT_RUNNING: 'the node reports that the VM does not run',
  DETACH: 'a request says that the VM is gone',
  PROMISE: 'a request reserves a target',
  DEVICE_GONE: 'the node reports that the device is gone',
  FOUND: 'the hosts report where the VM is',
  LEFT: 'the node reports that the VM was saved or migrates',
  DIVERTED: 'the VM is seen to write to another path',
  NODE_DEAD: 'an administrator declares the node dead',
  FORGET: 'the VM uses the disk again',
  TIMEOUT: 'the time is up',
  RESUME: 'pdisk is started again',
};

/** What was last seen of the VM, where that is a reason to wait; null: it runs. */
export const lastSeenSays: Readonly<Record<LastSeen, string | null>> = {
  running: null,
  switching: 'Its VM was last seen in the switch-over of a migration, and runs on one of two hosts.',
  saved: 'Its VM was saved, perhaps to a file, and may come back with its disks.',
  'managed-save': 'Its VM is saved by libvirt, and comes back with its disks at its next start.',
  migrated: 'Its VM has migrated to another host, and has not been found yet.',
  ended: 'The run of its VM has ended.',
};

/** Whom something waits for; the sentence continues "It waits for …". */
export const partyIs: Readonly<Record<Party, string>> = {
  pool: 'the pool',
  node: 'the node to plug it',
  guest: 'the guest to let go of it',
  person: 'a person to say whether the VM is gone',
};
