import { errorOf } from '../errors.ts';
import { type Answer, json } from './answer.ts';
import type { Exchange } from './exchange.ts';
import type { Figures } from './figures.ts';
import type { createReadiness } from './health.ts';
import { nothing } from './inputs.ts';
import { readPages } from './pages.ts';
import { type Route, route } from './route.ts';

export interface Monitoring {
  readonly figures: Figures;
  readonly readiness: ReturnType<typeof createReadiness>;
}

export type MetricsAccess = 'admin' | 'loopback' | 'any';

/** What asks before it has credentials, or never has any. */
export type OpenRoutes = (exchange: Exchange) => Answer | Promise<Answer> | undefined;

/** 127.0.0.0/8, also as IPv6 has it, and ::1: the bytes in hexadecimal. */
const LOOPBACK = /^(?:(?:0{20}f{4})?7f[0-9a-f]{6}|0{31}1)$/;

const plain = (body: string): Answer => ({ status: 200, type: 'text/plain; charset=utf-8', body });

async function metrics({ contentType, text }: Figures): Promise<Answer> {
  return { status: 200, type: contentType, body: await text() };
}

/** A file, or only word that the client's copy is right. */
const fresh = (file: Answer, copies: string | undefined): Answer =>
  copies?.includes(file.headers?.ETag ?? '') ? { ...file, status: 304, body: '' } : file;

/** `/`, `/healthz`, the files of the page and `/readyz` are for everybody, `/metrics` for whom the setting names; undefined: not open to this one. */
export function openRoutes({ figures, readiness }: Monitoring, access: MetricsAccess): OpenRoutes {
  const pages = readPages();
  return ({ head, address }) => {
    if (head.method !== 'GET' && head.method !== 'HEAD') return undefined;
    switch (head.path) {
      case '/':
        return plain('pdisk\n');
      case '/healthz':
        return plain('ok\n');
      case '/readyz':
        return readiness().then(found => json(found, found.ready ? 200 : 503));
      case '/metrics':
        return access === 'any' || (access === 'loopback' && LOOPBACK.test(address))
          ? metrics(figures)
          : undefined;
      default: {
        const file = pages.get(head.path);
        return file && fresh(file, head.ifNoneMatch);
      }
    }
  };
}

/** The figures for administrators, from wherever they ask. */
export const metricsRoutes = (figures: Figures): readonly Route[] => [
  route('GET', '/metrics', nothing, ({ caller }) => {
    if (caller.role !== 'admin') throw errorOf('FORBIDDEN', { detail: 'figures are for administrators' });
    return metrics(figures);
  }),
];
