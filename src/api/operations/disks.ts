import { z } from 'zod';
import { newDisk, newLimit, newSize, nothing } from '../inputs.ts';
import { json, operation } from '../operation.ts';
import { disk, diskLimit, diskSize, diskUuid } from '../outputs.ts';
import { DISK, disks, NEW_DISK, usedDisk } from './examples.ts';

export const listDisks = operation({
  id: 'listDisks',
  method: 'GET',
  path: '/api/disks',
  group: 'disks',
  summary: 'List disks',
  details:
    'All disks that the account may see: its own and public ones; the roles `service` and `admin` see every disk.',
  inputs: nothing,
  outcomes: { 200: json('The disks', z.array(disk), { disks }) },
});

export const showDisk = operation({
  id: 'showDisk',
  method: 'GET',
  path: '/api/disks/:uuid',
  group: 'disks',
  summary: 'Show a disk',
  details: 'For whoever may see it. HEAD tells whether it exists.',
  inputs: nothing,
  outcomes: {
    200: json('The disk', disk, { disk: usedDisk }, ['X-DiskUser-Limit', 'X-DiskUser-Remaining']),
  },
});

export const createDisk = operation({
  id: 'createDisk',
  method: 'POST',
  path: '/api/create',
  group: 'disks',
  summary: 'Create a disk',
  details:
    'The disk belongs to the account that asks, and is on disk when this answers. An error leaves no disk.',
  inputs: newDisk,
  invalid: 'INVALID_DISK',
  outcomes: { 201: json('The disk is made', diskUuid, { created: { uuid: NEW_DISK } }) },
  errors: [
    'QUOTA_EXCEEDED',
    'NO_SPACE',
    'POOL_FULL',
    'POOL_UNAVAILABLE',
    'VOLUME_FAILED',
    'CREATE_TIMEOUT',
    'CREATE_NOT_UNDONE',
  ],
});

export const deleteDisk = operation({
  id: 'deleteDisk',
  method: 'DELETE',
  path: '/api/disks/:uuid',
  group: 'disks',
  summary: 'Delete a disk',
  details: 'For its owner and administrators; only while no machine uses it. A second time it is unknown.',
  inputs: nothing,
  outcomes: { 200: json('The disk is gone', diskUuid, { deleted: { uuid: DISK } }) },
  errors: [
    'FORBIDDEN',
    'DISK_IN_USE',
    'DISK_BUSY',
    'POOL_UNAVAILABLE',
    'REMOVE_FAILED',
    'REMOVE_TIMEOUT',
    'WIPE_FAILED',
  ],
});

export const limitUsers = operation({
  id: 'limitUsers',
  method: 'PUT',
  path: '/api/disks/:uuid/limit',
  group: 'disks',
  summary: 'Set how many machines may use a disk at once',
  details:
    'For administrators; only while no machine uses it. Above 1 every machine is told that it shares the disk: what is on it must be made for that.',
  inputs: newLimit,
  outcomes: { 200: json('So it is from now on', diskLimit, { limit: { uuid: DISK, limit: '2' } }) },
  errors: ['FORBIDDEN', 'DISK_IN_USE', 'DISK_BUSY'],
});

export const resizeDisk = operation({
  id: 'resizeDisk',
  method: 'POST',
  path: '/api/resize/:uuid',
  group: 'disks',
  summary: 'Make a disk larger',
  details:
    'For its owner and administrators. Running machines are told; their file systems are theirs to grow.',
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
  summary: 'Try again to make a disk',
  details: 'For the owner of a disk whose creation failed and could not be undone, and administrators.',
  inputs: nothing,
  outcomes: { 200: json('The disk is made', diskUuid, { made: { uuid: DISK } }) },
  errors: [
    'FORBIDDEN',
    'DISK_NOT_FAILED',
    'POOL_FULL',
    'POOL_UNAVAILABLE',
    'VOLUME_FAILED',
    'CREATE_TIMEOUT',
    'CREATE_NOT_UNDONE',
  ],
});
