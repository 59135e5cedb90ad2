import type { LibvirtClient } from '../libvirt/client.ts';
import { hostUuidOf } from './domain-xml.ts';

/** Host UUIDs by connection: a connection leads to one host for all its life. */
const known = new WeakMap<LibvirtClient, string>();

/** Asks libvirt for the UUID of the host at the other end of the connection. */
export async function askHost(client: LibvirtClient, signal: AbortSignal): Promise<string> {
  const uuid = hostUuidOf(await client.capabilities({ signal }));
  known.set(client, uuid);
  return uuid;
}

/** The UUID of the host at the other end of the connection; libvirt is asked once for each connection. */
export const hostAt = async (client: LibvirtClient, signal: AbortSignal): Promise<string> =>
  known.get(client) ?? askHost(client, signal);
