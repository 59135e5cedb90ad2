import { AFFECT_CONFIG, ERROR } from '../libvirt/constants.ts';
import type { LibvirtError } from '../libvirt/errors.ts';
import { change } from './change.ts';
import { isDeviceMissing } from './classify.ts';
import { aliasOf } from './disk-xml.ts';
import { domainOf } from './domain-lookup.ts';
import type { Operations } from './operations.ts';

/** Whether the error proves that the definition does not have the disk: no such device, or no definition. */
const isOut = (error: LibvirtError): boolean =>
  isDeviceMissing(error) || error.code === ERROR.OPERATION_INVALID;

/** See `Hypervisor.undefineDisk`. libvirt changes a definition at once, without the guest. */
export async function undefineDisk(
  { links, takeTurn }: Pick<Operations, 'links' | 'takeTurn'>,
  node: string,
  uuid: string,
  disk: string,
  deadline: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  const answer = await change(
    links.get(node),
    { take: takeTurn, domain: uuid },
    deadline,
    signal,
    (client, limit) =>
      client.detachDeviceByAlias(domainOf(uuid), aliasOf(disk), AFFECT_CONFIG, { signal: limit }),
  );
  if (answer.kind === 'done') return undefined;
  if (answer.kind === 'refused') return isOut(answer.error) ? undefined : answer.error.message;
  return answer.detail;
}
