import { z } from 'zod';
import { accountName } from '../../../accounts/record.ts';
import type { RequestHeader } from '../header-fields.ts';
import { vmId } from '../inputs.ts';
import { type Operation, takesBody } from '../operation.ts';
import type { Json, Schemas } from './schemas.ts';

const pathParameters: Readonly<Record<string, z.ZodType>> = {
  uuid: z.uuid().meta({ description: "The disk's uuid; case does not matter" }),
  account: accountName.meta({ description: "The account's name" }),
  node: z.string().meta({ description: 'The hypervisor, as the setting `nodes` calls it' }),
  vm_id: vmId,
  id: z.string().meta({ description: "The token's id" }),
  machine: z.enum(['disk', 'attachment', 'disk.mmd', 'attachment.mmd']).meta({ description: 'Which chart' }),
  file: z.string().meta({ description: 'A name that stands in the page' }),
};

interface Inputs {
  readonly properties?: Readonly<Record<string, Json>>;
  readonly required?: readonly string[];
}

/** Throws where a path has a parameter that is not described here. */
function inPath(path: string, schemas: Schemas): Json[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => {
    const parameter = pathParameters[name];
    if (!parameter) throw new Error(`what is ${name} in ${path}?`);
    const { description, ...schema } = schemas.of(parameter, 'input');
    return { name, in: 'path', required: true, description, schema };
  });
}

function inQuery({ properties = {}, required = [] }: Inputs): Json[] {
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    description,
    schema,
  }));
}

export function parametersOf(operation: Operation, schemas: Schemas): Json[] {
  const { path, inputs, headers = [], method } = operation;
  const key: readonly RequestHeader[] = method === 'GET' ? [] : ['Idempotency-Key'];
  const inHead: readonly RequestHeader[] = ['X-Request-Id', ...key, ...headers];
  return [
    ...inPath(path, schemas),
    ...(takesBody(operation) ? [] : inQuery(schemas.of(inputs, 'input'))),
    ...inHead.map(name => ({ $ref: `#/components/parameters/${name}` })),
  ];
}

/** What the schemas themselves give as examples. */
const exampleOf = (properties: Readonly<Record<string, Json>>): Json =>
  Object.fromEntries(
    Object.entries(properties).map(([name, { examples, enum: values, minimum }]) => {
      const [example] = (examples ?? values ?? [minimum]) as readonly unknown[];
      return [name, example];
    }),
  );

/** The same inputs in both media types; nothing where there are none. */
export function bodyOf(operation: Operation, schemas: Schemas): Json {
  const schema = schemas.of(operation.inputs, 'input');
  const { properties = {}, required = [] }: Inputs = schema;
  if (!takesBody(operation) || Object.keys(properties).length === 0) return {};
  const content = { schema, example: exampleOf(properties) };
  return {
    requestBody: {
      required: required.length > 0,
      content: { 'application/x-www-form-urlencoded': content, 'application/json': content },
    },
  };
}
