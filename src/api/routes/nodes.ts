import type { NodeService, NodeView } from '../../disks/service.ts';
import { agreeToNode, declareAlive, declareDead, listNodes } from '../description/operations/nodes.ts';
import { json } from '../http/answer.ts';
import { instant } from '../text/event-text.ts';
import { atomicChange, type Route, route } from './route.ts';

type DeclaredDead = NonNullable<NodeView['operation']>['declaredDead'];

const declaredDeadKeys = (declared: DeclaredDead | undefined) =>
  declared ? { by: declared.by, reason: declared.reason, since: instant(declared.since) } : null;

/** Nodes: their state, and what administrators state about them. */
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
        declared_dead: declaredDeadKeys(operation?.declaredDead),
      })),
    ),
  ),

  atomicChange(agreeToNode, async ({ caller, rememberAnswer, params }) => {
    const node = params[0] ?? '';
    const answer = ({ alarm }: { alarm: string }) => json({ node, alarm });
    return answer(await nodes.agree(caller, node, outcome => rememberAnswer(answer(outcome))));
  }),

  atomicChange(declareDead, async ({ caller, rememberAnswer, params }, { reason }) => {
    const node = params[0] ?? '';
    const answer = ({ released }: { released: readonly string[] }) => json({ node, released });
    return answer(await nodes.declareDead(caller, node, reason, outcome => rememberAnswer(answer(outcome))));
  }),

  atomicChange(declareAlive, async ({ caller, rememberAnswer, params }) => {
    const node = params[0] ?? '';
    const answer = json({ node });
    await nodes.declareAlive(caller, node, () => rememberAnswer(answer));
    return answer;
  }),
];
