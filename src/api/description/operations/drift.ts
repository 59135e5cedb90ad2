import { adoption, nothing } from '../inputs.ts';
import { json, operation } from '../operation.ts';
import { adopted, diskUuid, drift, leftovers } from '../outputs.ts';
import { DISK } from './examples.ts';

export const listDrift = operation({
  id: 'listDrift',
  method: 'GET',
  path: '/api/drift',
  group: 'drift',
  summary: 'List what differs between records, pool and domains',
  details:
    'For the roles `service` and `admin`. Each difference names the request that repairs it, unless pdisk repairs it by itself.',
  inputs: nothing,
  outcomes: {
    200: json('The differences, those of one kind together', drift, {
      drift: [
        {
          kind: 'volume-lost',
          disk: DISK,
          node: null,
          vm: null,
          domain: null,
          since: '2011-07-28T15:20:00.000Z',
          detail: 'the disk has no volume in the pool',
          repair: `put it back into the pool, or DELETE /api/disks/${DISK}`,
        },
      ],
    }),
  },
  errors: ['FORBIDDEN'],
});

export const listLeftovers = operation({
  id: 'listLeftovers',
  method: 'GET',
  path: '/api/leftovers',
  group: 'drift',
  summary: 'List the volumes that belong to no disk',
  details:
    'For the roles `service` and `admin`. A volume loses its disk when an older copy of the database is restored, for example. It stays ' +
    'until an administrator adopts or removes it.',
  inputs: nothing,
  outcomes: {
    200: json('The volumes', leftovers, {
      leftovers: [
        {
          uuid: DISK,
          size: 2_147_483_648,
          created: '2011-07-28T15:01:40.000Z',
          since: '2011-07-28T15:20:00.000Z',
          written: true,
          obstacle: null,
          holders: [],
        },
      ],
    }),
  },
  errors: ['FORBIDDEN', 'POOL_UNAVAILABLE'],
});

export const adoptLeftover = operation({
  id: 'adoptLeftover',
  method: 'POST',
  path: '/api/leftovers/:uuid/adopt',
  group: 'drift',
  summary: 'Make a volume that belongs to no disk the disk of an account',
  details:
    'For administrators. The disk has the uuid, the size and the contents of the volume. It counts against the quota of its owner, and may exceed it.',
  inputs: adoption,
  outcomes: {
    200: json('The volume is a disk', adopted, { adopted: { uuid: DISK, over_quota: false } }),
  },
  errors: [
    'FORBIDDEN',
    'LEFTOVER_UNKNOWN',
    'LEFTOVER_UNUSABLE',
    'ACCOUNT_UNKNOWN',
    'DISK_BUSY',
    'POOL_UNAVAILABLE',
  ],
});

export const removeLeftover = operation({
  id: 'removeLeftover',
  method: 'POST',
  path: '/api/leftovers/:uuid/remove',
  freeing: true,
  group: 'drift',
  summary: 'Remove a volume that belongs to no disk',
  details:
    'For administrators. Its contents are lost: it is wiped and removed like the volume of a deleted disk. It is refused while a ' +
    'live domain has it, and while a node is unreachable.',
  inputs: nothing,
  outcomes: { 200: json('The volume is removed, or being wiped', diskUuid, { removed: { uuid: DISK } }) },
  errors: [
    'FORBIDDEN',
    'LEFTOVER_UNKNOWN',
    'LEFTOVER_UNUSABLE',
    'DISK_IN_USE',
    'DISK_BUSY',
    'NODES_SILENT',
    'POOL_UNAVAILABLE',
    'REMOVE_FAILED',
    'REMOVE_TIMEOUT',
  ],
});
