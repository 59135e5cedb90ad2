import { z } from 'zod';
import { accountName } from '../../../accounts/record.ts';
import type { RequestHeader } from '../header-fields.ts';
import { vmId } from '../inputs.ts';
import { type Operation, takesBody } from '../operation.ts';
import type { Json, Schemas } from './schemas.ts';

const chartFile = z
  .enum(['disk', 'attachment', 'disk.mmd', 'attachment.mmd'])
  .meta({ description: 'Which chart' });

const pathParameters: Readonly<Record<string, z.ZodType>> = {
  uuid: z.uuid().meta({ description: "The disk's uuid; case does not matter" }),
  account: accountName.meta({ description: "The account's name" }),
  node: z.string().meta({ description: 'The hypervisor, by its name in the setting `nodes`' }),
  vm_id: vmId,
  id: z.string().meta({ description: "The token's id" }),
  name: chartFile,
  machine: chartFile,
  file: z.string().meta({ description: 'A file that the page loads' }),
};

interface Inputs {
  readonly properties?: Readonly<Record<string, Json>>;
  readonly required?: readonly string[];
}

/** Throws an `Error` if a parameter of the path has no description here. */
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

/** The parameters of an operation in path, query and header. */
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

/** An example made of the examples in the schemas of the fields. */
const exampleOf = (properties: Readonly<Record<string, Json>>): Json =>
  Object.fromEntries(
    Object.entries(properties).map(([name, { examples, enum: values, minimum }]) => {
      const [example] = (examples ?? values ?? [minimum]) as readonly unknown[];
      return [name, example];
    }),
  );

/** The request body in both media types; empty if there are no inputs. */
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
