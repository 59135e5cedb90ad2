import { errorOf } from '../../errors.ts';
import type { Operation } from '../description/operation.ts';
import {
  greet,
  showDocs,
  showDocsFile,
  showFigures,
  showHealth,
  showInspector,
  showInspectorFile,
  showReadiness,
} from '../description/operations/service.ts';
import type { createReadiness } from '../health.ts';
import { type HttpAnswer, json } from '../http/answer.ts';
import type { Exchange } from '../http/exchange.ts';
import { isCopy } from '../http/versions.ts';
import type { Metrics } from '../metrics.ts';
import { type Page, readPages } from '../pages.ts';
import { type Route, route } from './route.ts';

/** What the routes for monitoring need. */
export interface Monitoring {
  readonly figures: Metrics;
  readonly readiness: ReturnType<typeof createReadiness>;
}

/** Who may read the metrics without credentials, besides administrators with theirs. */
export type MetricsAccess = 'admin' | 'loopback' | 'any';

/** A route that needs no credentials. */
export interface OpenRoute {
  readonly operation: Operation;
  /** The path of the URL, without parameters. */
  readonly path: string;
  /** Undefined: this client needs credentials. */
  answer(exchange: Exchange): HttpAnswer | Promise<HttpAnswer> | undefined;
}

/** 127.0.0.0/8 and ::1. */
const LOOPBACK = /^(?:7f[0-9a-f]{6}|0{31}1)$/;

const plain = (body: string): HttpAnswer => ({ status: 200, type: 'text/plain; charset=utf-8', body });

async function metrics({ contentType, text }: Metrics): Promise<HttpAnswer> {
  return { status: 200, type: contentType, body: await text() };
}

/** A file, or 304 if the client has this version. */
const fresh = ({ version, answer }: Page, copies: string | undefined): HttpAnswer =>
  isCopy(version, copies) ? { ...answer, status: 304, body: '' } : answer;

/** An open route; `path` is given where the path of the operation has a parameter. */
export const openRoute = (
  operation: Operation,
  answer: OpenRoute['answer'],
  path = operation.path,
): OpenRoute => ({
  operation,
  path,
  answer,
});

function operationOf(path: string): Operation {
  const page = [showDocs, showInspector].find(one => one.path === path);
  return page ?? (path.startsWith(showDocs.path) ? showDocsFile : showInspectorFile);
}

/**
 * The open routes: whether the service is up, alive and ready, and the files of the pages; the metrics for
 * the clients that `access` names.
 */
export function openRoutes({ figures, readiness }: Monitoring, access: MetricsAccess): readonly OpenRoute[] {
  const pages = [...readPages()].map(([path, file]) =>
    openRoute(operationOf(path), ({ head }) => fresh(file, head.ifNoneMatch), path),
  );
  return [
    openRoute(greet, () => plain('pdisk\n')),
    openRoute(showHealth, () => plain('ok\n')),
    openRoute(showReadiness, async () => {
      const found = await readiness();
      return json(found, found.ready ? 200 : 503);
    }),
    openRoute(showFigures, exchange =>
      access === 'any' || (access === 'loopback' && LOOPBACK.test(exchange.address))
        ? metrics(figures)
        : undefined,
    ),
    ...pages,
  ];
}

/** The metrics for administrators, from any address. */
export const metricsRoutes = (figures: Metrics): readonly Route[] => [
  route(showFigures, ({ caller }) => {
    if (caller.role !== 'admin') throw errorOf('FORBIDDEN', { detail: 'figures are for administrators' });
    return metrics(figures);
  }),
];
