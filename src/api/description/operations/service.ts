import { version } from '../../../version.ts';
import { nothing } from '../inputs.ts';
import { type Credential, json, type OperationResult, operation } from '../operation.ts';
import * as outputs from '../outputs.ts';

const nobody: readonly Credential[] = ['nobody'];

const plain = (means: string, text: string): OperationResult => ({
  means,
  content: { 'text/plain': outputs.text },
  examples: { text },
});

export const greet = operation({
  id: 'greet',
  method: 'GET',
  path: '/',
  group: 'service',
  summary: 'Whether the service is up',
  credentials: nobody,
  inputs: nothing,
  outcomes: { 200: plain('It is up', 'pdisk\n') },
});

export const showHealth = operation({
  id: 'showHealth',
  method: 'GET',
  path: '/healthz',
  group: 'service',
  summary: 'Whether the process is alive',
  credentials: nobody,
  inputs: nothing,
  outcomes: { 200: plain('It is alive', 'ok\n') },
});

const readiness = {
  ready: true,
  stopping: false,
  store: 'writable',
  pool: 'usable',
  nodes: { up: 2, down: 0 },
};

export const showReadiness = operation({
  id: 'showReadiness',
  method: 'GET',
  path: '/readyz',
  group: 'service',
  summary: 'Whether requests can be served',
  details:
    'The store takes writes, the pool can be used, and the service is not stopping. Unreachable nodes and a full store are reported, but do not make the service unready.',
  credentials: nobody,
  inputs: nothing,
  outcomes: {
    200: json('They can', outputs.readiness, { ready: readiness }),
    503: json('They cannot', outputs.readiness, {
      failed: { ...readiness, ready: false, store: 'failed' },
      stopping: { ...readiness, ready: false, stopping: true },
    }),
  },
});

export const showFigures = operation({
  id: 'showFigures',
  method: 'GET',
  path: '/metrics',
  group: 'service',
  summary: 'Metrics for Prometheus',
  details: 'For administrators, and for the clients that the setting `metrics_access` names.',
  credentials: ['basic', 'bearer', 'nobody'],
  inputs: nothing,
  outcomes: {
    200: {
      means: 'The metrics',
      content: { 'text/plain': outputs.text },
      examples: { figures: '# HELP pdisk_disks Disks\n# TYPE pdisk_disks gauge\npdisk_disks 3\n' },
    },
  },
  errors: ['FORBIDDEN'],
});

const freshness = ['ETag', 'Referrer-Policy'] as const;

const page = (id: string, path: string, summary: string) =>
  operation({
    id,
    method: 'GET',
    path,
    group: 'service',
    summary,
    credentials: nobody,
    headers: ['If-None-Match'],
    inputs: nothing,
    outcomes: {
      200: {
        means: 'The page',
        content: { 'text/html': outputs.text },
        headers: freshness,
        examples: { page: '<!doctype html>' },
      },
      304: { means: "The client's copy is current", headers: freshness },
    },
  });

const fileOf = (id: string, path: string) =>
  operation({
    id,
    method: 'GET',
    path,
    group: 'service',
    summary: 'A file that this page loads',
    credentials: nobody,
    headers: ['If-None-Match'],
    inputs: nothing,
    outcomes: {
      200: {
        means: 'The file',
        content: { 'text/javascript': outputs.text, 'text/css': outputs.text, 'image/svg+xml': outputs.text },
        headers: freshness,
      },
      304: { means: "The client's copy is current", headers: freshness },
    },
    // A file that does not exist is answered like any unknown URL.
    errors: ['ROUTE_UNKNOWN', 'UNAUTHENTICATED', 'TOO_MANY_LOGINS'],
  });

export const showDocs = page('showDocs', '/api/docs', 'A page that shows how to use the service');
export const showDocsFile = fileOf('showDocsFile', '/api/docs/:file');
export const showInspector = page(
  'showInspector',
  '/inspect',
  'A page that draws the charts and shows live what happens in them',
);
export const showInspectorFile = fileOf('showInspectorFile', '/inspect/:file');

export const describeApi = operation({
  id: 'describeApi',
  method: 'GET',
  path: '/api/openapi.json',
  group: 'service',
  summary: 'This description',
  credentials: nobody,
  inputs: nothing,
  outcomes: {
    200: json('OpenAPI 3.1', outputs.anyObject, {
      openapi: { openapi: '3.1.1', info: { title: 'pdisk', version }, paths: {} },
    }),
  },
});
