// The parts of the OpenAPI document that this page reads.

export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}

interface Reference {
  readonly $ref: string;
}

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required: boolean;
  readonly description?: string;
  readonly schema: Schema;
}

interface Example {
  readonly summary?: string;
  readonly value: unknown;
}

export interface Response {
  readonly description: string;
  readonly headers: Readonly<Record<string, object>>;
  readonly content?: Readonly<
    Record<string, { readonly examples?: Readonly<Record<string, Example | Reference>> }>
  >;
}

interface Described {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  readonly security: readonly object[];
  readonly parameters: readonly (Parameter | Reference)[];
  readonly requestBody?: {
    readonly content: Readonly<
      Record<string, { readonly schema: Schema; readonly example: Readonly<Record<string, unknown>> }>
    >;
  };
  readonly responses: Readonly<Record<string, Response>>;
}

export interface Operation extends Described {
  readonly method: string;
  readonly path: string;
}

export interface Document {
  readonly info: { readonly description: string };
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>;
  readonly components: {
    readonly parameters: Readonly<Record<string, Parameter>>;
    readonly examples: Readonly<Record<string, Example>>;
  };
}

/** All operations but those of HEAD, which answer nothing that GET does not. */
export const operationsOf = ({ paths }: Document): readonly Operation[] =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([method]) => method !== 'head')
      .map(([method, described]) => ({ ...described, path, method: method.toUpperCase() })),
  );

const lastOf = (ref: string): string => ref.slice(ref.lastIndexOf('/') + 1);

/** Parameters that the page explains once for all operations. */
const EVERYWHERE: ReadonlySet<string> = new Set(['X-Request-Id', 'Idempotency-Key']);

/** An operation's own parameters. */
export function parametersOf(document: Document, { parameters }: Operation): readonly Parameter[] {
  const all = parameters.flatMap(one =>
    '$ref' in one ? (document.components.parameters[lastOf(one.$ref)] ?? []) : one,
  );
  return all.filter(({ name }) => !EVERYWHERE.has(name));
}

/** The example bodies of an answer, by media type. */
export function bodiesOf({
  content = {},
}: Response): readonly { readonly type: string; readonly body: string }[] {
  return Object.entries(content).flatMap(([type, { examples = {} }]) =>
    Object.values(examples).flatMap(example => {
      if ('$ref' in example) return [];
      const { value } = example;
      return { type, body: typeof value === 'string' ? value : JSON.stringify(value, null, 2) };
    }),
  );
}

/** The error codes of a response, with example sentences. */
export function errorsOf(
  document: Document,
  { content = {} }: Response,
): readonly (readonly [string, string])[] {
  const examples = Object.values(content['application/json']?.examples ?? {});
  return examples.flatMap(example => {
    if (!('$ref' in example)) return [];
    const code = lastOf(example.$ref);
    const value = document.components.examples[code]?.value as { readonly message: readonly string[] };
    return [[code, value.message.join('; ')] as const];
  });
}

function range(least: number | undefined, most: number | undefined, unit: string): string[] {
  if (most === undefined) return least === undefined ? [] : [`at least ${least}${unit}`];
  return [least === undefined ? `at most ${most}${unit}` : `${least} to ${most}${unit}`];
}

/** The constraints of a value, in words. */
export function rulesOf(schema: Schema): string {
  const { minimum, maximum, minLength, maxLength, default: otherwise } = schema;
  const values = schema.enum ?? (schema.const === undefined ? [] : [schema.const]);
  return [
    ...(values.length > 0 ? [values.join(' or ')] : []),
    ...range(minimum, maximum, ''),
    ...range(minLength, maxLength, ' characters'),
    ...(otherwise === undefined ? [] : [`by default ${otherwise}`]),
  ].join(', ');
}
