// Checks every answer that a test sees against the service's OpenAPI document, as a client would that knows
// nothing else.
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { routeTable, type Served } from '../src/api/routes/table.ts';
import { type ErrorCode, errorOf } from '../src/errors.ts';

interface Header {
  readonly $ref?: string;
  readonly required?: boolean;
  readonly schema?: { readonly type: string };
}

interface Response {
  readonly headers: Readonly<Record<string, Header>>;
  readonly content?: Readonly<Record<string, object>>;
}

interface Operation {
  readonly operationId: string;
  readonly responses: Readonly<Record<string, Response>>;
}

/** The part of an OpenAPI document that the checks read. */
export interface Document {
  readonly info: { readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly examples: Readonly<
      Record<string, { readonly summary: string; readonly value: { readonly message: readonly string[] } }>
    >;
    readonly headers: Readonly<Record<string, Header>>;
    readonly schemas: Readonly<Record<string, object>>;
  };
}

interface Seen {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** The route table of a service without any function. */
export const table = routeTable({
  accounts: {},
  events: {},
  monitoring: {},
  metricsAccess: 'admin',
} as Served);

/** The service's OpenAPI document. */
export const document: Document = JSON.parse(table.document());

const ajv = new Ajv2020({ strict: false, validateSchema: false, coerceTypes: false });
formats.default(ajv);
ajv.addSchema(document, 'pdisk', undefined, false);

/** Headers of HTTP itself, of uWebSockets.js and of CORS, which the document does not describe. */
const TRANSPORT: ReadonlySet<string> = new Set([
  'access-control-allow-origin',
  'access-control-expose-headers',
  'connection',
  'content-length',
  'content-type',
  'date',
  'keep-alive',
  'server',
  'transfer-encoding',
  'uwebsockets',
  'vary',
]);

/**
 * Longer bodies are not checked: they are lists of what shorter ones contain, and checking them costs memory
 * that some tests measure.
 */
const LONG = 1024 * 1024;

/** Errors that can be answered before a request's URL and method are looked at. */
const EARLY: ReadonlySet<string> = new Set<ErrorCode>([
  'BAD_REQUEST',
  'BUSY',
  'CROSS_SITE',
  'HOST_UNKNOWN',
  'INTERNAL',
  'STOPPING',
  'TOO_MANY_LOGINS',
  'UNAUTHENTICATED',
]);

const pointer = (...names: readonly (string | number)[]): string =>
  names.map(name => encodeURIComponent(String(name).replaceAll('~', '~0').replaceAll('/', '~1'))).join('/');

function validator(...names: readonly (string | number)[]): ValidateFunction {
  const found = ajv.getSchema(`pdisk#/${pointer(...names)}`);
  if (!found) throw new Error(`there is no schema at ${names.join(' ')}`);
  return found as ValidateFunction;
}

function check(valid: ValidateFunction, value: unknown, what: string): void {
  if (!valid(value)) throw new Error(`${what}: ${ajv.errorsText(valid.errors)}\n${JSON.stringify(value)}`);
}

/** The template that matches a path; of several, the one with the fewest parameters. */
function templateFor(path: string): string | undefined {
  const segments = path.split('/');
  const fits = (template: string): boolean => {
    const expected = template.split('/');
    return (
      expected.length === segments.length &&
      expected.every(
        (part, index) => part === segments[index] || (part.startsWith('{') && segments[index] !== ''),
      )
    );
  };
  const found = Object.keys(document.paths).filter(fits);
  return found.sort((a, b) => a.split('{').length - b.split('{').length)[0];
}

/**
 * Checks an error that belongs to no operation: of an unknown URL or method, or of a request that was refused
 * before that.
 */
function checkAlone({ status, headers, text }: Seen, isHead: boolean, late: ErrorCode): void {
  const code = headers.get('x-error-code') ?? '';
  if (code !== late && !EARLY.has(code)) throw new Error(`it is answered ${status} ${code}`);
  if (errorOf(code as ErrorCode).status !== status) throw new Error(`${code} has not the status ${status}`);
  if (!isHead) check(validator('components', 'schemas', 'Error'), JSON.parse(text), 'its error');
}

function checkAllow(methods: readonly string[], headers: Headers): void {
  const allowed = methods.map(method => method.toUpperCase()).sort();
  if (headers.get('allow') !== allowed.join(', ')) throw new Error(`it allows ${headers.get('allow')}`);
}

function checkHeaders(at: readonly string[], { headers }: Response, seen: Headers): void {
  for (const [name, header] of Object.entries(headers)) {
    const value = seen.get(name);
    const { required } = header.$ref ? (document.components.headers[name] ?? {}) : header;
    if (value === null && required) throw new Error(`it has no ${name}`);
    if (value === null) continue;
    const place = header.$ref ? ['components', 'headers', name] : [...at, 'headers', name];
    const isCount = /^\d+$/.test(value);
    const valid = validator(...place, 'schema');
    const { type } = valid.schema as { type: string };
    check(valid, isCount && type === 'integer' ? Number(value) : value, name);
  }
  const known = new Set(Object.keys(headers).map(name => name.toLowerCase()));
  const strange = [...seen.keys()].filter(name => !known.has(name) && !TRANSPORT.has(name));
  if (strange.length > 0) throw new Error(`nothing is said of ${strange.join(', ')}`);
}

function checkBody(at: readonly string[], { content }: Response, { headers, text }: Seen): void {
  if (!content) {
    if (text !== '') throw new Error(`it has a body: ${text}`);
    return;
  }
  const type = headers.get('content-type')?.split(';')[0] ?? '';
  if (!content[type]) throw new Error(`nothing is said of ${type}`);
  if (text.length > LONG) return;
  const body = type === 'application/json' ? JSON.parse(text) : text;
  check(validator(...at, 'content', type, 'schema'), body, 'its body');
}

/**
 * Throws a sentence where an answer is not what the document says of its request; `target` is path and query.
 */
export function conforms(method: string, target: string, seen: Seen): void {
  const path = target.split('?')[0] ?? '';
  const template = templateFor(path);
  const operations = template === undefined ? undefined : document.paths[template];
  // Methods are case-sensitive.
  const operation = method === method.toUpperCase() ? operations?.[method.toLowerCase()] : undefined;
  try {
    if (!template || !operations) checkAlone(seen, method === 'HEAD', 'ROUTE_UNKNOWN');
    else if (!operation) {
      checkAlone(seen, method === 'HEAD', 'METHOD_NOT_ALLOWED');
      if (seen.status === 405) checkAllow(Object.keys(operations), seen.headers);
    } else {
      const response = operation.responses[seen.status];
      if (!response) throw new Error(`nothing is said of the status ${seen.status}: ${seen.text}`);
      const at = ['paths', template, method.toLowerCase(), 'responses', String(seen.status)];
      checkHeaders(at, response, seen.headers);
      checkBody(at, response, seen);
    }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`the answer to ${method} ${target} is not as described: ${why}`);
  }
}
