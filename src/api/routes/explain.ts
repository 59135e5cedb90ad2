import type { ExplainService } from '../../disks/service.ts';
import { explainDisk, explainNode } from '../description/operations/explain.ts';
import { json } from '../http/answer.ts';
import { diskWhyKeys, nodeWhyKeys } from '../text/why.ts';
import { type Route, route } from './route.ts';
import { diskUuid } from './uuid.ts';

/** The explanations of disks and nodes. */
export const explainRoutes = (explain: ExplainService): readonly Route[] => [
  route(explainDisk, ({ caller, params }) => json(diskWhyKeys(explain.disk(caller, diskUuid(params[0]))))),
  route(explainNode, ({ caller, params }) => json(nodeWhyKeys(explain.node(caller, params[0] ?? '')))),
];
