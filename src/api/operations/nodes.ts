import { nothing } from '../inputs.ts';
import { json, operation } from '../operation.ts';
import { agreed } from '../outputs.ts';

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
