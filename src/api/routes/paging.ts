import type { Position } from '../../disks/service.ts';
import { UUID } from '../../lib/uuid.ts';
import type { Head } from '../http/head.ts';

/** A disk's place in the order of all, as a text for `?after=`. */
const placeOf = ({ created, uuid }: Position): string => `${created}.${uuid}`;

const PLACE = new RegExp(`^(?<created>\\d{1,15})\\.(?<uuid>${UUID})$`);

/** The place that such a text names; undefined where it names none. */
export function positionIn(place: string): Position | undefined {
  const { created, uuid } = PLACE.exec(place)?.groups ?? {};
  return created === undefined || uuid === undefined ? undefined : { created: Number(created), uuid };
}

/** At most `limit` of what was found, and the last of them where more was found. */
export function cut<Item>(found: readonly Item[], limit: number | undefined) {
  if (limit === undefined || found.length <= limit) return { shown: found, last: undefined };
  return { shown: found.slice(0, limit), last: found[limit - 1] };
}

/** The Link header (RFC 8288) that leads to the next page: the same question, from another place on. */
export function nextLink({ path, query }: Pick<Head, 'path' | 'query'>, last: Position): string {
  const next = new URLSearchParams(query);
  next.set('after', placeOf(last));
  return `<${path}?${next}>; rel="next"`;
}
