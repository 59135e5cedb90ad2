// Conditional requests (RFC 9110, section 13): a client that has seen a disk changes it only if it is still what the client saw.
import { PdiskError } from '../errors.ts';

const TAG = /^(?<weak>W\/)?"(?<opaque>[\x21\x23-\x7e]*)"$/;

/** A version as an entity tag. */
export const etagOf = (version: string): string => `"${version}"`;

/**
 * The versions in an If-Match header; undefined where any will do: there is no such header, or it says `*`. A weak tag never matches.
 * Throws BAD_INPUT.
 */
export function versionsIn(header: string | undefined): readonly string[] | undefined {
  if (header === undefined || header.trim() === '*') return undefined;
  return header.split(',').flatMap(item => {
    const tag = TAG.exec(item.trim())?.groups;
    if (!tag) throw new PdiskError('BAD_INPUT', ['If-Match must be * or a list of ETags']);
    return tag.weak ? [] : [tag.opaque ?? ''];
  });
}

/** Whether a client has this version already, by its If-None-Match header; one that cannot be read means that it has none. */
export const isCopy = (version: string, header: string | undefined): boolean =>
  header !== undefined &&
  (header.trim() === '*' ||
    header.split(',').some(item => TAG.exec(item.trim())?.groups?.opaque === version));
