// Records are JSON with a version `v` of their own kind. XState's snapshots are not stored, because their shape
// belongs to the library. A record of an older version is migrated when it is read, step by step, and is
// written in the present version when it changes next. A newer one is refused: what this pdisk does not know
// of it would be lost with the next write.
import type { z } from 'zod';
import type { Prefix } from './keys.ts';

/** A record as it was stored by some version of pdisk: nothing of it is certain. */
export type OldRecord = Readonly<Record<string, unknown>>;

/**
 * Makes a record of version v+1 from one of version v; the field `v` is set afterwards. Keeps what it does not
 * know, and never throws: what is wrong with the result is found by the schema.
 */
export type Migration = (old: OldRecord) => OldRecord;

/** A kind of record: where it is stored, its present version, and how older versions are migrated. */
export interface RecordKind<Schema extends z.ZodType = z.ZodType, At extends Prefix = Prefix> {
  /** In the singular, for sentences. */
  readonly name: string;
  readonly prefix: At;
  /** The present version. */
  readonly version: number;
  /** The schema of the present version. */
  readonly schema: Schema;
  /** The first makes version 2 from version 1, and so on; the last makes the present version. */
  readonly migrations: readonly Migration[];
}

/** Defines a kind of record; its present version follows from the number of migrations. */
export const recordKind = <Schema extends z.ZodType, At extends Prefix>(
  name: string,
  prefix: At,
  schema: Schema,
  migrations: readonly Migration[] = [],
): RecordKind<Schema, At> => ({ name, prefix, version: migrations.length + 1, schema, migrations });

/** What to do with data of a newer pdisk, as the end of a sentence. */
export const RUN_THE_NEWER =
  'it was written by a newer pdisk. Run that one, or put back a backup from before the upgrade (pdiskd restore FILE --replace)';

const isRecord = (value: unknown): value is OldRecord =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The context of an old record of an actor, changed; nothing is changed where there is none. */
export const withContext =
  (change: (context: OldRecord) => OldRecord): Migration =>
  old =>
    isRecord(old.context) ? { ...old, context: { ...old.context, ...change(old.context) } } : old;

function migrated(kind: RecordKind, value: unknown): unknown {
  if (!isRecord(value) || typeof value.v !== 'number' || value.v === kind.version) return value;
  let record = value;
  for (let v = value.v; v >= 1 && v < kind.version; v += 1)
    record = { ...kind.migrations[v - 1]?.(record), v: v + 1 };
  return record;
}

/**
 * A stored value as a record of the present version. Throws a sentence with the key where it is damaged, or
 * was written by a newer pdisk.
 */
export function readRecord<Schema extends z.ZodType>(
  kind: RecordKind<Schema>,
  key: string,
  value: unknown,
  location: string,
): z.infer<Schema> {
  if (isRecord(value) && typeof value.v === 'number' && value.v > kind.version)
    throw new Error(
      `the record ${key} in ${location} is a ${kind.name} of version ${value.v}, and this pdisk reads ${kind.name}s up to version ${kind.version}: ${RUN_THE_NEWER}`,
    );
  const record = kind.schema.safeParse(migrated(kind, value));
  if (record.success) return record.data;
  throw new Error(`the record ${key} in ${location} is damaged: ${record.error.message}`);
}
