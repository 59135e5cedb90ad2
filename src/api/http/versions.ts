// Conditional requests (RFC 9110, section 13): a client changes a disk only if it is still the version that
// the client has read.
import { PdiskError } from '../../errors.ts';

interface Tag {
  readonly weak: boolean;
  readonly opaque: string;
}

/** An element of a list of entity tags, maybe empty, with the comma after it; a tag may contain commas. */
const ITEM = /[ \t]*(?:(W\/)?"([!#-~\u0080-\uffff]*)")?[ \t]*(?:,|$)/y;

/** The tags in a list (RFC 9110, sections 5.6.1 and 8.8.3); undefined if it is malformed. */
function tagsIn(header: string): readonly Tag[] | undefined {
  const tags: Tag[] = [];
  ITEM.lastIndex = 0;
  while (ITEM.lastIndex < header.length) {
    const item = ITEM.exec(header);
    if (!item) return undefined;
    const [, weak, opaque] = item;
    if (opaque !== undefined) tags.push({ weak: weak !== undefined, opaque });
  }
  return tags;
}

/** A version as an entity tag. */
export const etagOf = (version: string): string => `"${version}"`;

/**
 * The versions in an If-Match header; undefined if any version will do, i.e. without the header or with `*`.
 * A weak tag never matches. Throws BAD_INPUT.
 */
export function versionsIn(header: string | undefined): readonly string[] | undefined {
  if (header === undefined || header.trim() === '*') return undefined;
  const tags = tagsIn(header) ?? [];
  if (tags.length === 0) throw new PdiskError('BAD_INPUT', ['If-Match must be * or a list of ETags']);
  return tags.filter(({ weak }) => !weak).map(({ opaque }) => opaque);
}

/** Whether a client has this version, by its If-None-Match header. A malformed header means no. */
export const isCopy = (version: string, header: string | undefined): boolean =>
  header !== undefined &&
  (header.trim() === '*' || (tagsIn(header) ?? []).some(({ opaque }) => opaque === version));
