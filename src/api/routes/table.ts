import type { Accounts } from '../../accounts/accounts.ts';
import type { AuditLog } from '../../audit/audit-log.ts';
import type { DriftService } from '../../disks/drift/drift-watch.ts';
import type { ChartService, DiskService, ExplainService, NodeService } from '../../disks/service.ts';
import type { LeftoverService } from '../../disks/services/leftover-service.ts';
import type { EventLog } from '../../events/log.ts';
import type { Streams } from '../../events/streams.ts';
import type { Tickets } from '../../events/tickets.ts';
import type { Write } from '../../store/group-commit.ts';
import { asyncApi } from '../description/asyncapi.ts';
import { openApi } from '../description/openapi/document.ts';
import { describeEvents } from '../description/operations/events.ts';
import { describeApi } from '../description/operations/service.ts';
import { jsonText } from '../http/answer.ts';
import { accountRoutes } from './accounts.ts';
import { attachmentRoutes } from './attachments.ts';
import { auditRoutes } from './audit.ts';
import { chartRoutes } from './charts.ts';
import { diskRoutes } from './disks.ts';
import { driftRoutes } from './drift.ts';
import { eventRoutes } from './events.ts';
import { explainRoutes } from './explain.ts';
import { nodeRoutes } from './nodes.ts';
import {
  type MetricsAccess,
  type Monitoring,
  metricsRoutes,
  type OpenRoute,
  openRoute,
  openRoutes,
} from './open.ts';
import type { Route } from './route.ts';
import { tokenRoutes } from './tokens.ts';

/** What the routes need of the service. */
export interface Served {
  readonly service: DiskService;
  readonly nodes: NodeService;
  readonly leftovers: LeftoverService;
  readonly drift: DriftService;
  readonly charts: ChartService;
  readonly explain: ExplainService;
  readonly accounts: Accounts;
  readonly audit: AuditLog;
  /** Returns the writes that erase other data of an account, for the batch that deletes it. */
  readonly forget: (account: string) => readonly Write[];
  readonly events: {
    readonly log: EventLog;
    readonly streams: Streams;
    readonly tickets: Tickets;
    /** Seconds without a sign of life after which a stream is closed; 8 to 960. */
    readonly idleSeconds: number;
  };
  readonly monitoring: Monitoring;
  readonly metricsAccess: MetricsAccess;
}

interface RouteTable {
  readonly routes: readonly Route[];
  /** Those that need no credentials. */
  readonly open: readonly OpenRoute[];
  /** The OpenAPI document of all of them, as JSON. */
  document(): string;
}

/** All routes of the API. */
export function routeTable(served: Served): RouteTable {
  const { service, nodes, charts, accounts, events, monitoring } = served;
  const open = [
    ...openRoutes(monitoring, served.metricsAccess),
    openRoute(describeApi, () => jsonText(document())),
    openRoute(describeEvents, () => jsonText(asyncApi())),
  ];
  const routes = [
    ...diskRoutes(service),
    ...attachmentRoutes(service),
    ...nodeRoutes(nodes),
    ...driftRoutes(served.drift, served.leftovers, service),
    ...chartRoutes(charts, events.log),
    ...explainRoutes(served.explain),
    ...eventRoutes(events.streams, events.tickets, events.idleSeconds),
    ...metricsRoutes(monitoring.figures),
    ...auditRoutes(served.audit),
    ...tokenRoutes(accounts.tokens),
    ...accountRoutes(accounts, service, served.forget),
  ];
  let text: string | undefined;

  function document(): string {
    text ??= JSON.stringify(openApi([...new Set([...routes, ...open].map(({ operation }) => operation))]));
    return text;
  }

  return { routes, open, document };
}
