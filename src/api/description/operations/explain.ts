import { nothing } from '../inputs.ts';
import { json, operation } from '../operation.ts';
import { diskWhy, nodeWhy } from '../why-schema.ts';
import { explainedDisk, explainedNode } from './why-examples.ts';

export const explainDisk = operation({
  id: 'explainDisk',
  method: 'GET',
  path: '/api/disks/:uuid/why',
  group: 'charts',
  summary: 'Explain in sentences what a disk is doing, what it waits for, and what would free it',
  details:
    'For accounts that may see the disk; if it is being created or deleted, for its owner and those who run the cloud. A request that ' +
    'would free it is named to those who may send it; others are told whom to ask. It asks no node and not the pool.',
  inputs: nothing,
  outcomes: { 200: json('The explanation', diskWhy, { explanation: explainedDisk }) },
});

export const explainNode = operation({
  id: 'explainNode',
  method: 'GET',
  path: '/api/nodes/:node/why',
  group: 'nodes',
  summary: 'Explain in sentences how a node is, what waits for it, and what an administrator can do',
  details:
    'Counted and listed are the attachments that the account may see. Errors, alarms and declarations are shown to the roles `service` ' +
    'and `admin`. It does not ask the node.',
  inputs: nothing,
  outcomes: { 200: json('The explanation', nodeWhy, { explanation: explainedNode }) },
  errors: ['NODE_UNKNOWN'],
});
