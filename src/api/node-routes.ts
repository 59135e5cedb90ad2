import type { NodeService } from '../disks/service.ts';
import { json } from './answer.ts';
import { agreeToNode } from './operations/nodes.ts';
import { type Route, route } from './route.ts';

/** Nodes, for administrators: agreeing to what an alarm on a node holds back. */
export const nodeRoutes = (nodes: NodeService): readonly Route[] => [
  route(agreeToNode, async ({ caller, params }) => {
    const node = params[0] ?? '';
    const { alarm } = await nodes.agree(caller, node);
    return json({ node, alarm });
  }),
];
