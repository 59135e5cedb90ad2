import type { Position } from '../../disks/service.ts';
import { UUID } from '../../lib/uuid.ts';
import type { Head } from '../http/head.ts';

/** A disk's position in the order of creation, as text for `?after=`. */
export const positionText = ({ created, uuid }: Position): string => `${created}.${uuid}`;

const POSITION = new RegExp(`^(?<created>\\d{1,15})\\.(?<uuid>${UUID})$`);

/** The position in such a text; undefined if it is malformed. */
export function positionIn(text: string): Position | undefined {
  const { created, uuid } = POSITION.exec(text)?.groups ?? {};
  return created === undefined || uuid === undefined ? undefined : { created: Number(created), uuid };
}

/** The first `limit` items, and the last of these if more were found. */
export function cut<Item>(found: readonly Item[], limit: number | undefined) {
  if (limit === undefined || found.length <= limit) return { shown: found, last: undefined };
  return { shown: found.slice(0, limit), last: found[limit - 1] };
}

/** The Link header (RFC 8288) to the next page: the same query with another `after`. */
export function nextLink({ path, query }: Pick<Head, 'path' | 'query'>, last: string): string {
  const next = new URLSearchParams(query);
  next.set('after', last);
  return `<${path}?${next}>; rel="next"`;
}
