// The database says which versions its records may have, so that an older pdisk refuses it as soon as it has
// opened it: before it writes anything, and also if it would not read the newer records for a while.
import { z } from 'zod';
import type { Db } from './database.ts';
import type { Write } from './group-commit.ts';
import { FORMAT_KEY, VERSIONS_KEY } from './keys.ts';
import { type RecordKind, RUN_THE_NEWER } from './record-kind.ts';

/** 2: the database has the versions of its records. Databases of format 1 have records of any version. */
export const FORMAT = 2;

const versionsRecord = z.record(z.string(), z.int().positive());

/** The version of each kind of record, by the kind's name. */
type Versions = z.infer<typeof versionsRecord>;

/** The present version of each of these kinds. */
const versionsOf = (kinds: readonly RecordKind[]): Versions =>
  Object.fromEntries(kinds.map(({ name, version }) => [name, version]));

/** Throws a sentence if one of the kinds in `stored` is unknown or newer. `where` has these records. */
export function demandKnown(stored: Versions, kinds: readonly RecordKind[], where: string): void {
  const known = versionsOf(kinds);
  for (const [name, version] of Object.entries(stored)) {
    const ours = known[name];
    if (ours === undefined)
      throw new Error(`${where} has ${name}s, which this pdisk does not know: ${RUN_THE_NEWER}`);
    if (version > ours)
      throw new Error(
        `${where} has ${name}s of version ${version}, and this pdisk reads ${name}s up to version ${ours}: ${RUN_THE_NEWER}`,
      );
  }
}

/**
 * Throws a sentence if the database was written by a newer pdisk: it has another format, or records of
 * unknown or newer kinds.
 */
export async function checkVersions(db: Db, kinds: readonly RecordKind[]): Promise<void> {
  const where = `the store ${db.location}`;
  const [format = FORMAT, versions = {}] = await db.getMany([FORMAT_KEY, VERSIONS_KEY]);
  if (typeof format !== 'number' || format > FORMAT)
    throw new Error(
      `${where} has format ${String(format)}, and this pdisk reads up to format ${FORMAT}: ${RUN_THE_NEWER}`,
    );
  demandKnown(versionsRecord.parse(versions), kinds, where);
}

/** What is to be written before the first record of a present version; nothing if the database says so already. */
export async function versionWrites(db: Db, kinds: readonly RecordKind[]): Promise<readonly Write[]> {
  const [format, versions] = await db.getMany([FORMAT_KEY, VERSIONS_KEY]);
  const value = versionsOf(kinds);
  if (format === FORMAT && JSON.stringify(versions) === JSON.stringify(value)) return [];
  return [
    { key: FORMAT_KEY, value: FORMAT },
    { key: VERSIONS_KEY, value },
  ];
}
