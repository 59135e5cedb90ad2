import type { LibvirtClient } from '../libvirt/client.ts';
import { hostUuidOf } from './domain-xml.ts';

/** A connection leads to one host as long as it lives. */
const known = new WeakMap<LibvirtClient, string>();

/** The UUID of the host at the other end, by its capabilities. */
export async function askHost(client: LibvirtClient, signal: AbortSignal): Promise<string> {
  const uuid = hostUuidOf(await client.capabilities({ signal }));
  known.set(client, uuid);
  return uuid;
}

/** The same; asked once for each connection. */
export const hostAt = async (client: LibvirtClient, signal: AbortSignal): Promise<string> =>
  known.get(client) ?? askHost(client, signal);
