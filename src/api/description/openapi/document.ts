import { type ErrorCode, errorCodes, errorOf } from '../../../errors.ts';
import { version } from '../../../version.ts';
import {
  type RequestHeader,
  type ResponseHeader,
  requestHeaders,
  responseHeaders,
} from '../header-fields.ts';
import { credentialsOf, groups, type Operation } from '../operation.ts';
import { message } from '../outputs.ts';
import { headerOf, responsesOf } from './answers.ts';
import { bodyOf, parametersOf } from './inputs.ts';
import { createSchemas, type Json, type Schemas } from './schemas.ts';

const security = {
  basic: { basic: [] },
  bearer: { bearer: [] },
  ticket: { ticket: [] },
  nobody: {},
} as const;

const securitySchemes = {
  basic: { type: 'http', scheme: 'basic', description: 'Name and password of an account, in UTF-8' },
  bearer: { type: 'http', scheme: 'bearer', description: 'A token, as `createToken` makes it' },
  ticket: { type: 'apiKey', in: 'query', name: 'ticket', description: 'As `createTicket` makes it' },
} as const;

const headId = (id: string): string => `head${id.charAt(0).toUpperCase()}${id.slice(1)}`;

/** Statuses that only GET can have: HEAD never opens a WebSocket and is never answered 304. */
const ofGetOnly: ReadonlySet<string> = new Set(['101', '304']);

/** The HEAD operation of a GET: the same responses without bodies. */
function headOf(id: string, get: Json & { readonly responses: Readonly<Record<string, object>> }): Json {
  const responses = Object.entries(get.responses)
    .filter(([status]) => !ofGetOnly.has(status))
    .map(([status, { content: _, ...response }]: [string, { content?: unknown }]) => [status, response]);
  return {
    ...get,
    operationId: headId(id),
    summary: `${get.summary}: the headers only`,
    responses: Object.fromEntries(responses),
  };
}

function methodsOf(operation: Operation, schemas: Schemas): Json {
  const { id, method, group, summary, details } = operation;
  const described = {
    operationId: id,
    tags: [group],
    summary,
    ...(details ? { description: details } : {}),
    security: credentialsOf(operation).map(credential => security[credential]),
    parameters: parametersOf(operation, schemas),
    ...bodyOf(operation, schemas),
    responses: responsesOf(operation, schemas),
  };
  return method === 'GET'
    ? { get: described, head: headOf(id, described) }
    : { [method.toLowerCase()]: described };
}

/** The facts in the example sentences of errors. */
const FACTS = {
  disk: 'eb198dec-3560-4a9a-b3b4-5f043410a3dd',
  node: 'onehost-2.lal.in2p3.fr',
  vm: '722',
};

function errorExample(code: ErrorCode): Json {
  const { status, messages } = errorOf(code, FACTS);
  return { summary: String(status), value: { message: messages } };
}

function parameter(name: RequestHeader): Json {
  const { means, schema, example } = requestHeaders[name];
  return { name, in: 'header', required: false, description: means, schema, example };
}

/** The components that the paths refer to. */
function components(schemas: Schemas, paths: Json): Json {
  const text = JSON.stringify(paths);
  function used<Name extends string>(place: string, names: readonly Name[], entry: (name: Name) => Json) {
    const referred = names.filter(name => text.includes(`"#/components/${place}/${name}"`));
    return Object.fromEntries(referred.map(name => [name, entry(name)]));
  }
  return {
    schemas: schemas.named,
    parameters: used('parameters', Object.keys(requestHeaders) as RequestHeader[], parameter),
    headers: used('headers', Object.keys(responseHeaders) as ResponseHeader[], name => headerOf(name)),
    examples: used('examples', errorCodes, errorExample),
    securitySchemes,
  };
}

const DESCRIPTION = `A disk is created once, with a size and an owner, and outlives the virtual machines that use it: plugged into one,
unplugged, and plugged into another, it still has every byte.

Inputs of POST, PUT and PATCH are a form or JSON, in which numbers may be numbers or texts. Errors have sentences for people in \`message\`
and a stable code for programs in the header \`X-Error-Code\`. An unknown URL is answered 404 \`ROUTE_UNKNOWN\`, a method that
the URL does not take 405 \`METHOD_NOT_ALLOWED\` with the header \`Allow\`. Credentials are checked first: without valid ones the answer is 401.`;

/** The OpenAPI 3.1 document of these operations (https://spec.openapis.org/oas/v3.1.1.html). */
export function openApi(operations: readonly Operation[]): Json {
  const schemas = createSchemas();
  schemas.of(message, 'output');
  const paths: Record<string, Json> = {};
  for (const operation of operations) {
    const template = operation.path.replaceAll(/:(\w+)/g, '{$1}');
    paths[template] = { ...paths[template], ...methodsOf(operation, schemas) };
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'pdisk',
      version,
      summary: 'Persistent disks for virtual machines on libvirt',
      description: DESCRIPTION,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/', description: 'Where this document is' }],
    tags: Object.entries(groups).map(([name, description]) => ({ name, description })),
    paths,
    components: components(schemas, paths),
  };
}
