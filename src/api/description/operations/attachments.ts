import { machine, machineAndForce, machineAndTarget, nothing } from '../inputs.ts';
import { json, operation } from '../operation.ts';
import {
  machineAttachments,
  machineDisks,
  pluggedDisk,
  releasedDisks,
  text,
  unpluggedDisk,
} from '../outputs.ts';
import * as examples from './examples.ts';

export const hotattach = operation({
  id: 'hotattach',
  method: 'POST',
  path: '/api/hotattach/:uuid',
  group: 'attachments',
  summary: 'Plug a disk into a running machine',
  details:
    'For whoever may see the disk. It answers when the live machine shows the disk; in the guest it is found by its serial, ' +
    '`/dev/disk/by-id/virtio-` and the first 20 digits of its uuid without dashes. A reboot of the guest keeps it.',
  inputs: machine,
  outcomes: {
    200: json("It is plugged; `uuid` has all of the machine's disks", pluggedDisk, {
      plugged: examples.pluggedDisk,
    }),
  },
  errors: [
    'FORBIDDEN',
    'LIMIT_REACHED',
    'ALREADY_ATTACHED',
    'DISK_IN_USE',
    'NODE_DECLARED_DEAD',
    'DISK_BUSY',
    'NO_FREE_TARGET',
    'TARGET_TAKEN',
    'NODE_NOT_CONFIGURED',
    'NODE_UNREACHABLE',
    'VM_UNKNOWN',
    'VM_AMBIGUOUS',
    'VM_NOT_RUNNING',
    'VM_MIGRATING',
    'VM_STOPPED',
    'NO_PCI_SLOT',
    'IMAGE_LOCKED',
    'POOL_UNAVAILABLE',
    'PLUG_REFUSED',
    'PLUG_UNKNOWN',
  ],
});

export const hotdetach = operation({
  id: 'hotdetach',
  method: 'POST',
  path: '/api/hotdetach/:uuid',
  freeing: true,
  group: 'attachments',
  summary: 'Unplug a disk from a running machine',
  details:
    "For whoever plugged it, the disk's owner, and the roles `service` and `admin`; only disks that were hot-plugged. It answers when the " +
    'guest has let go: unmount the disk first. With `force=true` and a `reason` an administrator vouches that the machine no longer has it, ' +
    'where that cannot be proved; it is refused while the machine is seen with the disk.',
  inputs: machineAndForce,
  outcomes: {
    200: json("It is unplugged; `uuid` has the machine's remaining disks", unpluggedDisk, {
      unplugged: examples.pluggedDisk,
      forced: { ...examples.pluggedDisk, vouched: examples.VOUCHED },
    }),
  },
  errors: [
    'FORBIDDEN',
    'ATTACHMENT_UNKNOWN',
    'NOT_HOT_PLUGGED',
    'ATTACH_IN_PROGRESS',
    'VM_RUNNING',
    'DISK_BUSY',
    'NODE_NOT_CONFIGURED',
    'NODE_UNREACHABLE',
    'NODE_DOUBTED',
    'VM_UNKNOWN',
    'VM_AMBIGUOUS',
    'VM_NOT_RUNNING',
    'VM_FATE_UNKNOWN',
    'GUEST_KEPT_DISK',
    'DISK_DIVERTED',
    'BLOCK_JOB',
    'DEFINITION_KEEPS_DISK',
    'UNPLUG_REFUSED',
    'UNPLUG_UNKNOWN',
  ],
});

export const attach = operation({
  id: 'attach',
  method: 'POST',
  path: '/api/attach/:uuid',
  group: 'attachments',
  summary: 'Register a disk for a machine before its launch',
  details:
    "For the roles `service` (the cloud's frontend) and `admin`, and for owners with their own disks. It records a fact and does not check " +
    'whether the disk is free: look at `X-DiskUser-Remaining` first. `libvirtElement` gives the element for the domain XML.',
  inputs: machine,
  outcomes: {
    200: json("It is registered; `uuid` has all of the machine's disks", machineDisks, {
      attached: examples.machineDisks,
    }),
  },
  errors: ['FORBIDDEN', 'HOT_PLUGGED', 'DISK_BUSY', 'TOO_MANY_USERS', 'TOO_MANY_ON_VM'],
});

export const detach = operation({
  id: 'detach',
  method: 'POST',
  path: '/api/detach',
  freeing: true,
  group: 'attachments',
  summary: 'Release the disks of a machine that has been killed',
  details:
    'For the roles `service` and `admin`; for others where they made all of its attachments or own all its disks. All or nothing. With ' +
    '`force=true` and a `reason` an administrator vouches that the machine is gone, where that cannot be proved; it is refused while the ' +
    'machine is seen alive.',
  inputs: machineAndForce,
  outcomes: {
    200: json('`uuid` has the disks that were released', releasedDisks, {
      detached: examples.machineDisks,
      forced: { ...examples.machineDisks, vouched: examples.VOUCHED },
    }),
  },
  errors: [
    'FORBIDDEN',
    'VM_HAS_NO_DISKS',
    'VM_RUNNING',
    'VM_AMBIGUOUS',
    'VM_FATE_UNKNOWN',
    'ATTACH_IN_PROGRESS',
    'ATTACHMENT_UNKNOWN',
    'DISK_BUSY',
    'NODE_UNREACHABLE',
  ],
});

export const libvirtElement = operation({
  id: 'libvirtElement',
  method: 'GET',
  path: '/api/disks/:uuid/libvirt',
  group: 'attachments',
  summary: 'The `<disk>` element for the launch of a machine',
  details:
    'For a disk that was registered with `attach`, and whoever may do that. The letter is kept and reserved, which is why no page of ' +
    'another site may ask for it.',
  changing: true,
  inputs: machineAndTarget,
  outcomes: {
    200: {
      means: 'The element for the domain XML',
      content: { 'application/xml': text },
      examples: {
        element: examples.element,
      },
    },
  },
  errors: [
    'FORBIDDEN',
    'ATTACHMENT_UNKNOWN',
    'HOT_PLUGGED',
    'NO_FREE_TARGET',
    'TARGET_TAKEN',
    'DISK_BUSY',
    'POOL_UNAVAILABLE',
    'STORE_FAILED',
  ],
});

export const showMachine = operation({
  id: 'showMachine',
  method: 'GET',
  path: '/api/vms/:node/:vm_id',
  group: 'attachments',
  summary: 'List the disks on a machine',
  details:
    'Those that the account may see, in order of attachment. Of a public disk of somebody else it is told no more than that it is there.',
  inputs: nothing,
  outcomes: {
    200: json('The machine, as the caller named it, and its disks', machineAttachments, {
      machine: {
        ...examples.machine,
        disks: [
          {
            disk: examples.DISK,
            id: 'V1StGXR8_Z5jdHi6B-myT',
            state: 'hot-attached',
            mode: 'hot',
            domain: '4dea22b3-1d52-4f8e-a5a1-0f7d0f0c5a3c',
            target: 'vda',
            since: '2011-07-28T15:20:00.000Z',
            by: 'test',
            away: false,
            doubt: null,
            diverted: null,
          },
        ],
      },
    }),
  },
});
