import { z } from 'zod';
import { diskChoice, diskView } from '../../routes/disk-choice.ts';
import { diskChange, newDisk, newLimit, newSize, nothing } from '../inputs.ts';
import { json, operation } from '../operation.ts';
import { disk, diskDetails, diskLimit, diskSize, diskUuid, pool } from '../outputs.ts';
import { DISK, details, disks, NEW_DISK, usedDisk } from './examples.ts';

const ofDisk = ['X-DiskUser-Limit', 'X-DiskUser-Remaining', 'ETag'] as const;

export const listDisks = operation({
  id: 'listDisks',
  method: 'GET',
  path: '/api/disks',
  group: 'disks',
  summary: 'List disks',
  details:
    'All disks that the account may see, in order of creation: its own and public ones; the roles `service` and `admin` see every disk. With `view=full` also disks that are being created or deleted, for their owner and these roles.',
  inputs: diskChoice,
  outcomes: {
    200: json('The disks', z.union([z.array(disk), z.array(diskDetails)]), { disks, full: [details] }, [
      'Link',
    ]),
  },
});

export const showDisk = operation({
  id: 'showDisk',
  method: 'GET',
  path: '/api/disks/:uuid',
  group: 'disks',
  summary: 'Show a disk',
  details: 'For accounts that may see it. HEAD tells whether it exists.',
  inputs: diskView,
  headers: ['If-None-Match'],
  outcomes: {
    200: json('The disk', z.union([disk, diskDetails]), { disk: usedDisk, full: details }, ofDisk),
    304: { means: 'The client has this version already', headers: ofDisk },
  },
});

export const createDisk = operation({
  id: 'createDisk',
  method: 'POST',
  path: '/api/create',
  group: 'disks',
  summary: 'Create a disk',
  details:
    'The disk belongs to the caller, and its record is durable when this answers. After an error there is no disk.',
  inputs: newDisk,
  invalid: 'INVALID_DISK',
  outcomes: { 201: json('The disk is created', diskUuid, { created: { uuid: NEW_DISK } }) },
  errors: [
    'QUOTA_EXCEEDED',
    'NO_SPACE',
    'POOL_FULL',
    'POOL_BUSY',
    'POOL_UNAVAILABLE',
    'VOLUME_FAILED',
    'CREATE_TIMEOUT',
    'CREATE_INTERRUPTED',
    'CREATE_NOT_UNDONE',
  ],
});

export const deleteDisk = operation({
  id: 'deleteDisk',
  method: 'DELETE',
  path: '/api/disks/:uuid',
  group: 'disks',
  summary: 'Delete a disk',
  details: 'For its owner and administrators; only while no VM uses it. Deleted again, it is unknown.',
  inputs: nothing,
  headers: ['If-Match'],
  outcomes: { 200: json('The disk is deleted', diskUuid, { deleted: { uuid: DISK } }) },
  errors: [
    'FORBIDDEN',
    'DISK_CHANGED',
    'DISK_IN_USE',
    'DISK_BUSY',
    'POOL_UNAVAILABLE',
    'REMOVE_FAILED',
    'REMOVE_TIMEOUT',
    'WIPE_FAILED',
  ],
});

export const editDisk = operation({
  id: 'editDisk',
  method: 'PATCH',
  path: '/api/disks/:uuid',
  group: 'disks',
  summary: 'Change the tag or the visibility of a disk',
  details:
    'For its owner and administrators, also while the disk is in use. VMs that have it keep it when it becomes private.',
  inputs: diskChange,
  invalid: 'INVALID_DISK',
  headers: ['If-Match'],
  outcomes: { 200: json('The disk as it is now', disk, { disk: usedDisk }, ofDisk) },
  errors: ['FORBIDDEN', 'DISK_CHANGED'],
});

export const showPool = operation({
  id: 'showPool',
  method: 'GET',
  path: '/api/pool',
  group: 'disks',
  summary: 'Show the room for disks',
  details: 'In GiB, including what the setting `overcommit` allows to promise.',
  inputs: nothing,
  outcomes: { 200: json('The room', pool, { room: { capacity: 100, allocated: 3, free: 97 } }) },
  errors: ['POOL_UNAVAILABLE'],
});

export const limitUsers = operation({
  id: 'limitUsers',
  method: 'PUT',
  path: '/api/disks/:uuid/limit',
  group: 'disks',
  summary: 'Set how many VMs may use a disk at once',
  details:
    'For administrators; only while no VM uses it. Above 1 the disk is shareable in every VM: its file system must be made for that.',
  inputs: newLimit,
  outcomes: { 200: json('The new limit', diskLimit, { limit: { uuid: DISK, limit: '2' } }) },
  errors: ['FORBIDDEN', 'DISK_IN_USE', 'DISK_BUSY'],
});

export const resizeDisk = operation({
  id: 'resizeDisk',
  method: 'POST',
  path: '/api/resize/:uuid',
  group: 'disks',
  summary: 'Make a disk larger',
  details:
    'For its owner and administrators. Running VMs are told the new size; extending the file system is left to the guest.',
  inputs: newSize,
  invalid: 'INVALID_DISK',
  outcomes: { 200: json('The disk is larger', diskSize, { resized: { uuid: DISK, size: '4' } }) },
  errors: [
    'FORBIDDEN',
    'QUOTA_EXCEEDED',
    'DISK_BUSY',
    'NOT_LARGER',
    'NO_SPACE',
    'POOL_FULL',
    'POOL_BUSY',
    'POOL_UNAVAILABLE',
    'GROW_FAILED',
    'GROW_TIMEOUT',
    'NODE_UNREACHABLE',
  ],
});

export const retryDisk = operation({
  id: 'retryDisk',
  method: 'POST',
  path: '/api/retry/:uuid',
  group: 'disks',
  summary: 'Retry the creation of a disk',
  details: 'For the owner of a disk whose creation failed and could not be undone, and administrators.',
  inputs: nothing,
  outcomes: { 200: json('The disk is created', diskUuid, { made: { uuid: DISK } }) },
  errors: [
    'FORBIDDEN',
    'DISK_NOT_FAILED',
    'POOL_FULL',
    'POOL_BUSY',
    'POOL_UNAVAILABLE',
    'VOLUME_FAILED',
    'CREATE_TIMEOUT',
    'CREATE_INTERRUPTED',
    'CREATE_NOT_UNDONE',
  ],
});
