import { errorOf } from '../errors.ts';

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The disk UUID in a URL, in lower case. Throws what an unknown disk would: nothing else can be under such a name. */
export function diskUuid(text: string | undefined): string {
  if (text !== undefined && UUID.test(text)) return text;
  const uuid = (text ?? '').toLowerCase();
  if (!UUID.test(uuid)) throw errorOf('DISK_UNKNOWN', { disk: text ?? '' });
  return uuid;
}
