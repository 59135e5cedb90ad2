import { type ErrorCode, errorOf } from '../../../errors.ts';
import { type Field, type ResponseHeader, responseHeaders } from '../header-fields.ts';
import { errorsOf, type Operation, type OperationResult } from '../operation.ts';
import { type Json, type Schemas, schemaRef } from './schemas.ts';

/** A header object; `more` narrows its schema. */
export const headerOf = (name: ResponseHeader, more: Json = {}): Json => {
  const { means, schema, example, optional }: Field = responseHeaders[name];
  return { description: means, required: optional !== true, schema: { ...schema, ...more }, example };
};

interface Response {
  readonly description: string;
  readonly headers: Readonly<Record<string, Json>>;
  readonly content?: Readonly<Record<string, { readonly schema: Json; readonly examples?: Json }>>;
}

const refs = (names: readonly ResponseHeader[]): Response['headers'] =>
  Object.fromEntries(names.map(name => [name, { $ref: `#/components/headers/${name}` }]));

const ofEvery: readonly ResponseHeader[] = ['X-Request-Id', 'X-Content-Type-Options', 'Cache-Control'];

function headersOf(status: number, { content, headers = [] }: OperationResult): readonly ResponseHeader[] {
  if (status === 101) return ['X-Request-Id'];
  const mayBeText = !content || Object.keys(content).some(type => type.startsWith('text/'));
  return [...ofEvery, ...(mayBeText ? (['Content-Security-Policy'] as const) : []), ...headers];
}

function success(status: number, outcome: OperationResult, schemas: Schemas): Response {
  const { means, content = {}, examples = {} } = outcome;
  const named = Object.fromEntries(Object.entries(examples).map(([name, value]) => [name, { value }]));
  const [first] = Object.keys(content);
  const bodies = Object.entries(content).map(([type, schema]) => {
    const shown = type === first && Object.keys(named).length > 0 ? { examples: named } : {};
    return [type, { schema: schemas.of(schema, 'output'), ...shown }];
  });
  return {
    description: means,
    headers: refs(headersOf(status, outcome)),
    ...(bodies.length > 0 ? { content: Object.fromEntries(bodies) } : {}),
  };
}

const ofFailure: Readonly<Record<number, readonly ResponseHeader[]>> = {
  401: ['WWW-Authenticate'],
  415: ['Accept-Encoding'],
  426: ['Upgrade', 'Sec-WebSocket-Version'],
  429: ['Retry-After'],
  503: ['Retry-After'],
};

function failure(status: number, codes: readonly ErrorCode[]): Response {
  const examples = codes.map(code => [code, { $ref: `#/components/examples/${code}` }]);
  return {
    description: codes.join(', '),
    headers: {
      ...refs([...ofEvery, ...(ofFailure[status] ?? [])]),
      'X-Error-Code': headerOf('X-Error-Code', { enum: codes }),
    },
    content: {
      'application/json': { schema: { $ref: schemaRef('Error') }, examples: Object.fromEntries(examples) },
    },
  };
}

/** A response for a success and an error with the same status: a header is required only if both have it. */
function either(one: Response, other: Response): Response {
  const [mine, theirs] = [one, other].map(({ content }) => content?.['application/json']);
  const headers = Object.entries(other.headers).map(([name, header]) => {
    const sure = name in one.headers;
    const inline = 'schema' in header ? header : headerOf(name as ResponseHeader);
    return [name, sure ? header : { ...inline, required: false }];
  });
  return {
    description: `${one.description}; ${other.description}`,
    headers: Object.fromEntries(headers),
    content: {
      'application/json': {
        schema: { anyOf: [mine?.schema, theirs?.schema] },
        examples: { ...mine?.examples, ...theirs?.examples },
      },
    },
  };
}

/** All responses by status: those of success, and those with all error codes of the operation. */
export function responsesOf(operation: Operation, schemas: Schemas): Readonly<Record<string, Response>> {
  const responses: Record<string, Response> = {};
  const codes = [...errorsOf(operation)];
  for (const status of new Set(codes.map(code => errorOf(code).status))) {
    const ofStatus = codes.filter(code => errorOf(code).status === status);
    responses[status] = failure(status, ofStatus);
  }
  for (const [status, outcome] of Object.entries(operation.outcomes)) {
    const other = responses[status];
    const ok = success(Number(status), outcome, schemas);
    responses[status] = other ? either(ok, other) : ok;
  }
  return responses;
}
