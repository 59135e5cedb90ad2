import { z } from 'zod';

/** A JSON object. */
export type Json = { readonly [key: string]: unknown };

/** Converts zod schemas to JSON Schema and collects those that have an id. */
export interface Schemas {
  readonly named: Json;
  /** `io`: the type that a client sends, or the type that the service answers. */
  of(schema: z.ZodType, io: 'input' | 'output'): Json;
}

/** The reference to a schema of the document. */
export const schemaRef = (name: string): string => `#/components/schemas/${name}`;

// For a schema with a transform zod omits examples and defaults, as they might be of its output.
function override({ zodSchema, jsonSchema }: { zodSchema: z.core.$ZodType; jsonSchema: object }): void {
  const { examples, default: otherwise } = z.globalRegistry.get(zodSchema) ?? {};
  Object.assign(jsonSchema, examples && { examples }, otherwise !== undefined && { default: otherwise });
}

/** An empty collection of schemas. Conversions are cached by schema. */
export function createSchemas(): Schemas {
  const named: Record<string, Json> = {};
  const known = { input: new Map<z.ZodType, Json>(), output: new Map<z.ZodType, Json>() };
  return {
    named,
    of(schema, io) {
      const done = known[io].get(schema);
      if (done) return done;
      const { $schema: _, ...whole } = z.toJSONSchema(schema, { io, override });
      const text = JSON.stringify(whole).replaceAll('"#/$defs/', `"${schemaRef('')}`);
      const { $defs, ...own } = JSON.parse(text);
      Object.assign(named, $defs);
      known[io].set(schema, own);
      return own;
    },
  };
}
