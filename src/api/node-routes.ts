import type { NodeService } from '../disks/service.ts';
import { json } from './answer.ts';
import { agreeToNode } from './operations/nodes.ts';
import { type Route, route } from './route.ts';

/** Nodes, for administrators: agreeing to what an alarm on a node holds back. */
export const nodeRoutes = (nodes: NodeService): readonly Route[] => [
  route(agreeToNode, async ({ caller, keep, params }) => {
    const node = params[0] ?? '';
    const answer = ({ alarm }: { alarm: string }) => json({ node, alarm });
    return answer(await nodes.agree(caller, node, outcome => keep(answer(outcome))));
  }),
];
