import type { NodeService } from '../disks/service.ts';
import { json } from './answer.ts';
import { instant } from './event-text.ts';
import { agreeToNode, listNodes } from './operations/nodes.ts';
import { type Route, route } from './route.ts';

/** Nodes: what is known of them, and agreeing to what an alarm on a node holds back. */
export const nodeRoutes = (nodes: NodeService): readonly Route[] => [
  route(listNodes, ({ caller }) =>
    json(
      nodes.list(caller).map(({ node, names, reachable, since, versions, operation }) => ({
        node,
        names,
        reachable,
        since: instant(since),
        libvirt: versions?.libvirt ?? null,
        qemu: versions?.qemu ?? null,
        uri: operation?.uri ?? null,
        error: operation?.error ?? null,
        alarm: operation?.alarm ?? null,
      })),
    ),
  ),

  route(agreeToNode, async ({ caller, keep, params }) => {
    const node = params[0] ?? '';
    const answer = ({ alarm }: { alarm: string }) => json({ node, alarm });
    return answer(await nodes.agree(caller, node, outcome => keep(answer(outcome))));
  }),
];
