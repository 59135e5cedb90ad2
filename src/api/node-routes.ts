import type { NodeService } from '../disks/service.ts';
import { json } from './answer.ts';
import { nothing } from './inputs.ts';
import { type Route, route } from './route.ts';

/** Nodes, for administrators: agreeing to what an alarm on a node holds back. */
export const nodeRoutes = (nodes: NodeService): readonly Route[] => [
  route('POST', '/api/nodes/:node/agree', nothing, async ({ caller, params }) => {
    const node = params[0] ?? '';
    const { alarm } = await nodes.agree(caller, node);
    return json({ node, alarm });
  }),
];
