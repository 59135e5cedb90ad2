import { z } from 'zod';
import { accountName } from '../accounts/record.ts';
import { type ErrorCode, errorCodes, errorOf } from '../errors.ts';
import {
  type Field,
  type RequestHeader,
  type ResponseHeader,
  requestHeaders,
  responseHeaders,
} from './header-fields.ts';
import { vmId } from './inputs.ts';
import { credentialsOf, errorsOf, groups, type Operation, type Outcome, takesBody } from './operation.ts';
import { message } from './outputs.ts';

type Json = { readonly [key: string]: unknown };

const schemaRef = (name: string): string => `#/components/schemas/${name}`;

const pathParameters: Readonly<Record<string, z.ZodType>> = {
  uuid: z.uuid().meta({ description: "The disk's uuid; case does not matter" }),
  account: accountName.meta({ description: "The account's name" }),
  node: z.string().meta({ description: 'The hypervisor, as the setting `nodes` calls it' }),
  vm_id: vmId,
  id: z.string().meta({ description: "The token's id" }),
  machine: z.enum(['disk', 'attachment', 'disk.mmd', 'attachment.mmd']).meta({ description: 'Which chart' }),
  file: z.string().meta({ description: 'A name that stands in the page' }),
};

/** What a sentence of the catalogue speaks of in an example. */
const FACTS = {
  disk: 'eb198dec-3560-4a9a-b3b4-5f043410a3dd',
  node: 'onehost-2.lal.in2p3.fr',
  vm: '722',
};

/** `/api/disks/{uuid}` */
const templateOf = (path: string): string => path.replaceAll(/:(\w+)/g, '{$1}');

const header = (name: ResponseHeader, schema: Json = {}): Json => {
  const { means, example, optional, ...field }: Field = responseHeaders[name];
  return { description: means, required: optional !== true, schema: { ...field.schema, ...schema }, example };
};

const headerRef = (name: ResponseHeader) => [name, { $ref: `#/components/headers/${name}` }] as const;

const ofEvery: readonly ResponseHeader[] = ['X-Request-Id', 'X-Content-Type-Options'];

/** Collects the schemas that have an id while it turns others into JSON Schema. */
function createSchemas() {
  const named: Record<string, Json> = {};
  const known = { input: new Map<z.ZodType, Json>(), output: new Map<z.ZodType, Json>() };
  return {
    named,
    of(schema: z.ZodType, io: 'input' | 'output'): Json {
      const done = known[io].get(schema);
      if (done) return done;
      const { $schema: _, ...whole } = z.toJSONSchema(schema, { io });
      const text = JSON.stringify(whole).replaceAll('"#/$defs/', `"${schemaRef('')}`);
      const { $defs, ...own } = JSON.parse(text);
      Object.assign(named, $defs);
      known[io].set(schema, own);
      return own;
    },
  };
}

type Schemas = ReturnType<typeof createSchemas>;

const exampleRefs = (codes: readonly string[]): Json =>
  Object.fromEntries(codes.map(code => [code, { $ref: `#/components/examples/${code}` }]));

function parametersOf(operation: Operation, schemas: Schemas): Json[] {
  const { path, inputs, headers = [], method } = operation;
  const inPath = [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => {
    const { description, ...schema } = schemas.of(pathParameters[name] ?? z.never(), 'input');
    return { name, in: 'path', required: true, description, schema };
  });
  const { properties = {}, required = [] } = takesBody(operation)
    ? {}
    : (schemas.of(inputs, 'input') as { properties?: Record<string, Json>; required?: string[] });
  const inQuery = Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    description,
    schema,
  }));
  const names: RequestHeader[] = ['X-Request-Id', ...(method === 'GET' ? [] : ['Idempotency-Key' as const])];
  const inHead = [...names, ...headers].map(name => ({ $ref: `#/components/parameters/${name}` }));
  return [...inPath, ...inQuery, ...inHead];
}

function bodyOf(operation: Operation, schemas: Schemas): Json {
  if (!takesBody(operation)) return {};
  const schema = schemas.of(operation.inputs, 'input');
  const { properties = {}, required = [] } = schema as { properties?: Record<string, Json>; required?: [] };
  if (Object.keys(properties).length === 0) return {};
  const content = { schema, example: exampleOf(properties) };
  return {
    requestBody: {
      required: required.length > 0,
      content: { 'application/x-www-form-urlencoded': content, 'application/json': content },
    },
  };
}

const exampleOf = (properties: Record<string, Json>): Json =>
  Object.fromEntries(
    Object.entries(properties).flatMap(([name, { examples, enum: values, minimum }]) => {
      const [example] = (examples ?? values ?? [minimum]) as unknown[];
      return example === undefined ? [] : [[name, example]];
    }),
  );

function outcome({ means, content = {}, headers = [], examples }: Outcome, schemas: Schemas): Json {
  const [first] = Object.keys(content);
  const named = Object.entries(examples ?? {}).map(([name, value]) => [name, { value }]);
  const bodies = Object.entries(content).map(([type, schema]) => [
    type,
    {
      schema: schemas.of(schema, 'output'),
      ...(type === first && named.length > 0 ? { examples: Object.fromEntries(named) } : {}),
    },
  ]);
  return {
    description: means,
    headers: Object.fromEntries([...ofEvery, ...headers].map(headerRef)),
    ...(bodies.length > 0 ? { content: Object.fromEntries(bodies) } : {}),
  };
}

const headersOfStatus: Readonly<Record<number, readonly ResponseHeader[]>> = {
  401: ['WWW-Authenticate'],
  405: ['Allow'],
  429: ['Retry-After'],
  503: ['Retry-After'],
};

function failure(status: number, codes: readonly ErrorCode[]): Json {
  return {
    description: codes.join(', '),
    headers: {
      ...Object.fromEntries([...ofEvery, ...(headersOfStatus[status] ?? [])].map(headerRef)),
      'X-Error-Code': header('X-Error-Code', { enum: codes }),
    },
    content: { 'application/json': { schema: { $ref: schemaRef('Error') }, examples: exampleRefs(codes) } },
  };
}

function responsesOf(operation: Operation, schemas: Schemas): Record<string, Json> {
  const codes = [...errorsOf(operation)];
  const statuses = new Set(codes.map(code => errorOf(code).status));
  const failures = [...statuses].map(status => [
    status,
    failure(
      status,
      codes.filter(code => errorOf(code).status === status),
    ),
  ]);
  const outcomes = Object.entries(operation.outcomes).map(([status, one]) => [status, outcome(one, schemas)]);
  return { ...Object.fromEntries(failures), ...Object.fromEntries(outcomes) };
}

const withoutContent = ({ content: _, ...response }: Json): Json => response;

const security = {
  basic: [{ basic: [] }],
  bearer: [{ bearer: [] }],
  ticket: [{ ticket: [] }],
  nobody: [{}],
} as const;

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

function methodsOf(operation: Operation, schemas: Schemas): Json {
  const { id, method, group, summary, details } = operation;
  const described = {
    operationId: id,
    tags: [group],
    summary,
    ...(details ? { description: details } : {}),
    security: credentialsOf(operation).flatMap(credential => security[credential]),
    parameters: parametersOf(operation, schemas),
    ...bodyOf(operation, schemas),
    responses: responsesOf(operation, schemas),
  };
  if (method !== 'GET') return { [method.toLowerCase()]: described };
  const { 101: _, ...responses } = described.responses;
  const head = {
    ...described,
    operationId: `head${capital(id)}`,
    summary: `${summary}: the headers only`,
    responses: Object.fromEntries(
      Object.entries(responses).map(([status, response]) => [status, withoutContent(response)]),
    ),
  };
  return { get: described, head };
}

const example = (code: ErrorCode): Json => {
  const { status, messages } = errorOf(code, FACTS);
  return { summary: `${status}`, value: { message: messages } };
};

const table = <Name extends string>(names: readonly Name[], entry: (name: Name) => Json): Json =>
  Object.fromEntries(names.map(name => [name, entry(name)]));

/** What the paths refer to; `paths` as JSON. */
function components(schemas: Schemas, paths: string): Json {
  schemas.of(message, 'output');
  const used = <Name extends string>(place: string, names: readonly Name[]): readonly Name[] =>
    names.filter(name => paths.includes(`"#/components/${place}/${name}"`));
  const requestHeader = (name: RequestHeader): Json => {
    const { means, schema, example } = requestHeaders[name];
    return { name, in: 'header', required: false, description: means, schema, example };
  };
  return {
    schemas: schemas.named,
    parameters: table(used('parameters', Object.keys(requestHeaders) as RequestHeader[]), requestHeader),
    headers: table(used('headers', Object.keys(responseHeaders) as ResponseHeader[]), name => header(name)),
    examples: table(used('examples', errorCodes), example),
    securitySchemes: {
      basic: { type: 'http', scheme: 'basic', description: 'Name and password of an account, in UTF-8' },
      bearer: { type: 'http', scheme: 'bearer', description: 'A token, as `createToken` makes it' },
      ticket: { type: 'apiKey', in: 'query', name: 'ticket', description: 'As `createTicket` makes it' },
    },
  };
}

/** The OpenAPI 3.1 document of these operations. */
export function openApi(operations: readonly Operation[]): Json {
  const schemas = createSchemas();
  const paths: Record<string, Json> = {};
  for (const operation of operations) {
    const template = templateOf(operation.path);
    paths[template] = { ...paths[template], ...methodsOf(operation, schemas) };
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'pdisk',
      version: '1.0.0',
      summary: 'Persistent disks for virtual machines on libvirt',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/', description: 'Where this document is' }],
    tags: Object.entries(groups).map(([name, description]) => ({ name, description })),
    paths,
    components: components(schemas, JSON.stringify(paths)),
  };
}
