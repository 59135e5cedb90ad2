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

export interface Monitoring {
  readonly figures: Metrics;
  readonly readiness: ReturnType<typeof createReadiness>;
}

export type MetricsAccess = 'admin' | 'loopback' | 'any';

/** What is answered before anybody is asked for credentials. */
export interface OpenRoute {
  readonly operation: Operation;
  /** What stands in the URL. */
  readonly path: string;
  /** Undefined: not open to this one. */
  answer(exchange: Exchange): HttpAnswer | Promise<HttpAnswer> | undefined;
}

/** 127.0.0.0/8 and ::1. */
const LOOPBACK = /^(?:7f[0-9a-f]{6}|0{31}1)$/;

const plain = (body: string): HttpAnswer => ({ status: 200, type: 'text/plain; charset=utf-8', body });

async function metrics({ contentType, text }: Metrics): Promise<HttpAnswer> {
  return { status: 200, type: contentType, body: await text() };
}

/** A file, or only word that the client's copy is right. */
const fresh = ({ version, answer }: Page, copies: string | undefined): HttpAnswer =>
  isCopy(version, copies) ? { ...answer, status: 304, body: '' } : answer;

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

/** For everybody: whether the service is up, lives and is ready, and the files of the pages; the figures for whom `access` names. */
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

/** The figures for administrators, from wherever they ask. */
export const metricsRoutes = (figures: Metrics): readonly Route[] => [
  route(showFigures, ({ caller }) => {
    if (caller.role !== 'admin') throw errorOf('FORBIDDEN', { detail: 'figures are for administrators' });
    return metrics(figures);
  }),
];
