import { nothing } from '../inputs.ts';
import { json, operation } from '../operation.ts';
import { agreed, nodes } from '../outputs.ts';

export const listNodes = operation({
  id: 'listNodes',
  method: 'GET',
  path: '/api/nodes',
  group: 'nodes',
  summary: 'List the hypervisors',
  details:
    'Those that the setting `nodes` names, and those that were met through its wildcard, while there is a link to them. How to reach them, and why that fails, is told to the roles `service` and `admin`.',
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
        },
      ],
    }),
  },
});

export const agreeToNode = operation({
  id: 'agreeToNode',
  method: 'POST',
  path: '/api/nodes/:node/agree',
  group: 'nodes',
  summary: "End a node's alarm",
  details:
    'For administrators, who thereby say: the host that answers is the right one, or the machines that it does not show are gone.',
  inputs: nothing,
  outcomes: {
    200: json('The alarm is ended', agreed, {
      agreed: { node: 'onehost-2.lal.in2p3.fr', alarm: 'another host answers under its name' },
    }),
  },
  errors: ['FORBIDDEN', 'NODE_NOT_CONFIGURED', 'NO_ALARM'],
});
