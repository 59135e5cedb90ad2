import { attachmentChoice } from '../../routes/attachment-choice.ts';
import { nothing, vmAndForce, vmAndTarget, vmName } from '../inputs.ts';
import { json, operation } from '../operation.ts';
import { pluggedDisk, releasedDisks, text, unpluggedDisk, vmAttachments, vmDisks } from '../outputs.ts';
import { attachmentList } from '../why-schema.ts';
import * as examples from './examples.ts';

export const hotattach = operation({
  id: 'hotattach',
  method: 'POST',
  path: '/api/hotattach/:uuid',
  group: 'attachments',
  summary: 'Plug a disk into a running VM',
  details:
    'For accounts that may see the disk. It answers when the live domain shows the disk. The guest finds it by its serial: ' +
    '`/dev/disk/by-id/virtio-` and the first 20 digits of its uuid without dashes. A reboot of the guest keeps it.',
  inputs: vmName,
  outcomes: {
    200: json("It is plugged; `uuid` has all of the VM's disks", pluggedDisk, {
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
  summary: 'Unplug a disk from a running VM',
  details:
    "For the account that plugged it, the disk's owner, and the roles `service` and `admin`; only disks that were hot-plugged. It answers when the " +
    'guest has released the disk: unmount it first. With `force=true` and a `reason` an administrator confirms that the VM no longer has it, ' +
    'where that cannot be proved; it is refused while a node shows the VM with the disk.',
  inputs: vmAndForce,
  outcomes: {
    200: json("It is unplugged; `uuid` has the VM's remaining disks", unpluggedDisk, {
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
  summary: 'Register a disk for a VM before its launch',
  details:
    "For the roles `service` (the cloud's frontend) and `admin`, and for owners with their own disks. It does not check " +
    'whether the disk is free: see `X-DiskUser-Remaining` first. `libvirtElement` gives the element for the domain XML.',
  inputs: vmName,
  outcomes: {
    200: json("It is registered; `uuid` has all of the VM's disks", vmDisks, {
      attached: examples.vmDisks,
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
  summary: 'Release the disks of a VM that has been killed',
  details:
    'For the roles `service` and `admin`; for other accounts if they made all of its attachments or own all its disks. All or nothing. With ' +
    '`force=true` and a `reason` an administrator confirms that the VM is gone, where that cannot be proved; it is refused while a ' +
    'node shows the VM alive.',
  inputs: vmAndForce,
  outcomes: {
    200: json('`uuid` has the disks that were released', releasedDisks, {
      detached: examples.vmDisks,
      forced: { ...examples.vmDisks, vouched: examples.VOUCHED },
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
  summary: 'The `<disk>` element for the launch of a VM',
  details:
    'For a disk that was registered with `attach`, and accounts that may do that. It reserves the target: a GET that changes something, so ' +
    'pages of other sites may not send it.',
  changing: true,
  inputs: vmAndTarget,
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

export const listAttachments = operation({
  id: 'listAttachments',
  method: 'GET',
  path: '/api/attachments',
  group: 'attachments',
  summary: 'List attachments, the oldest first',
  details:
    'Those whose VM the account may see: of its own disks, and those that it made; all of them for the roles `service` and `admin`. ' +
    'With `waiting`: those that wait for somebody.',
  inputs: attachmentChoice,
  outcomes: {
    200: json(
      'The attachments',
      attachmentList,
      {
        attachments: [
          {
            disk: examples.DISK,
            ...examples.details.attachments[0],
            state: 'detaching',
            waiting: {
              for: 'guest',
              since: '2011-07-28T16:00:00.000Z',
              until: '2011-07-28T16:01:03.000Z',
            },
          },
        ],
      },
      ['Link'],
    ),
  },
});

export const showVm = operation({
  id: 'showVm',
  method: 'GET',
  path: '/api/vms/:node/:vm_id',
  group: 'attachments',
  summary: 'List the disks on a VM',
  details:
    'Those that the account may see, in order of attachment. A public disk of another account is listed without details of its attachment.',
  inputs: nothing,
  outcomes: {
    200: json('The VM, as the caller named it, and its disks', vmAttachments, {
      vm: {
        ...examples.vmName,
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
