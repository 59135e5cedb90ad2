import { nothing, reasoned } from '../inputs.ts';
import { json, operation } from '../operation.ts';
import { agreed, declaredAlive, declaredDead, nodes } from '../outputs.ts';
import { DISK } from './examples.ts';

export const listNodes = operation({
  id: 'listNodes',
  method: 'GET',
  path: '/api/nodes',
  group: 'nodes',
  summary: 'List the hypervisors',
  details:
    'Those that the setting `nodes` names, and those that its wildcard has matched, while there is a connection to them. Their URIs, and why a connection fails, are shown to the roles `service` and `admin`.',
  inputs: nothing,
  outcomes: {
    200: json('The hypervisors', nodes, {
      nodes: [
        {
          node: 'onehost-2.lal.in2p3.fr',
          names: ['onehost-2.lal.in2p3.fr', 'onehost-2'],
          reachable: true,
          since: '2011-07-28T15:00:00.000Z',
          libvirt: '9.0.0',
          qemu: '7.2.22',
          uri: 'qemu+tcp://onehost-2.lal.in2p3.fr/system',
          error: null,
          alarm: null,
          declared_dead: null,
        },
      ],
    }),
  },
});

export const agreeToNode = operation({
  id: 'agreeToNode',
  method: 'POST',
  path: '/api/nodes/:node/agree',
  freeing: true,
  group: 'nodes',
  summary: "End a node's alarm",
  details:
    'For administrators, who thereby confirm that the host that answers is the right one, or that the VMs that it does not show are gone.',
  inputs: nothing,
  outcomes: {
    200: json('The alarm is ended', agreed, {
      agreed: { node: 'onehost-2.lal.in2p3.fr', alarm: 'another host answers under its name' },
    }),
  },
  errors: ['FORBIDDEN', 'NODE_NOT_CONFIGURED', 'NO_ALARM'],
});

const DEAD = 'onehost-2.lal.in2p3.fr';

export const declareDead = operation({
  id: 'declareDead',
  method: 'POST',
  path: '/api/nodes/:node/declare-dead',
  freeing: true,
  group: 'nodes',
  summary: 'Declare a node dead',
  details:
    'For administrators, who thereby confirm that the node and its VMs are gone for good: the disks that are attached there are ' +
    'released. It is refused while the node answers, and if it comes back during the request. If it comes back later with a ' +
    'disk still plugged, pdisk unplugs that first.',
  inputs: reasoned,
  outcomes: {
    200: json('The node is declared dead', declaredDead, { declared: { node: DEAD, released: [DISK] } }),
  },
  errors: ['FORBIDDEN', 'NODE_UNKNOWN', 'NODE_ALIVE'],
});

export const declareAlive = operation({
  id: 'declareAlive',
  method: 'POST',
  path: '/api/nodes/:node/declare-alive',
  freeing: true,
  group: 'nodes',
  summary: 'Revoke the declaration that a node is dead',
  details:
    'For administrators: the node has been repaired, and may be used again. It is refused while the node does not answer, and while a VM there still has a disk that was released.',
  inputs: nothing,
  outcomes: { 200: json('The node is used again', declaredAlive, { declared: { node: DEAD } }) },
  errors: [
    'FORBIDDEN',
    'NODE_UNKNOWN',
    'NODE_NOT_DECLARED_DEAD',
    'NODE_NOT_CONFIGURED',
    'NODE_UNREACHABLE',
    'NODE_DOUBTED',
    'NODE_STILL_HOLDS',
  ],
});
