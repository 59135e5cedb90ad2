import { errorOf } from '../../errors.ts';
import { isUuid } from '../../lib/uuid.ts';

/** The disk UUID in a URL, in lower case. Throws DISK_UNKNOWN if it is no UUID. */
export function diskUuid(text: string | undefined): string {
  if (text !== undefined && isUuid(text)) return text;
  const uuid = (text ?? '').toLowerCase();
  if (!isUuid(uuid)) throw errorOf('DISK_UNKNOWN', { disk: text ?? '' });
  return uuid;
}
