import type { Run } from '../../machines/vm-location.ts';
import { errorOf, PdiskError, reasonOf } from '../errors.ts';
import { monotonicNow } from '../lib/clock.ts';
import type { LibvirtClient } from '../libvirt/client.ts';
import { ERROR, XML_INACTIVE } from '../libvirt/constants.ts';
import type { Domain } from '../libvirt/domain.ts';
import { LibvirtError } from '../libvirt/errors.ts';
import { withDeadline } from './deadline.ts';
import { aliasedIn, type DomainXml, findDisk, parseDomainXml } from './domain-xml.ts';
import { hostAt } from './host.ts';
import type { NodeLink } from './node-link.ts';

/**
 * A domain as an argument of libvirt's calls. They use the UUID only; the name is for their error messages.
 */
export function domainOf(uuid: string, name = uuid): Domain {
  return { name, uuid, id: -1 };
}

/** Whether libvirt answered that it has no domain with that UUID or name. */
export const isNoDomain = (error: unknown): boolean =>
  error instanceof LibvirtError && error.code === ERROR.NO_DOMAIN;

/** NODE_UNREACHABLE with the reason of `error`; a PdiskError is returned unchanged. */
export function unanswered(host: string, error: unknown): PdiskError {
  if (error instanceof PdiskError) return error;
  return errorOf('NODE_UNREACHABLE', {
    node: host,
    detail: reasonOf(error),
  });
}

/** undefined if libvirt has no such domain. Just after a restart of libvirtd that proves nothing. */
async function whereKnown<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isNoDomain(error)) return undefined;
    throw error;
  }
}

async function xmlOf(
  client: LibvirtClient,
  domain: Domain,
  signal: AbortSignal,
): Promise<DomainXml | undefined> {
  const text = await whereKnown(client.domainXml(domain, 0, { signal }));
  return text === undefined ? undefined : parseDomainXml(text);
}

/**
 * The UUIDs of our disks in the definition of a running domain. A transient domain has no definition: libvirt
 * returns its live XML for one, so isPersistent() is asked as well. A domain that libvirt does not have gives
 * an empty list.
 */
export async function definedIn(
  client: LibvirtClient,
  domain: Domain,
  signal: AbortSignal,
): Promise<string[]> {
  const disks = aliasedIn((await whereKnown(client.domainXml(domain, XML_INACTIVE, { signal }))) ?? '');
  return disks.length > 0 && (await whereKnown(client.isPersistent(domain, { signal }))) ? disks : [];
}

/** Whether the live domain has one disk. */
export type DiskLookup =
  | { readonly kind: 'there'; readonly alias: string; readonly source: string; readonly run: Run }
  /** The domain runs without the disk. `defined`: its definition has it (false if not asked for). */
  | { readonly kind: 'absent'; readonly defined: boolean }
  /** libvirt has no running domain with that UUID. `ageMs`: the age of the connection that says so. */
  | { readonly kind: 'stopped'; readonly ageMs: number }
  | { readonly kind: 'unreadable'; readonly detail: string };

/**
 * Looks for a disk in the live domain and, with `alsoDefined`, in its definition. `deadline` is in
 * milliseconds since 1970. Never rejects.
 */
export async function lookFor(
  link: NodeLink,
  domain: Domain,
  disk: string,
  deadline: number,
  signal: AbortSignal,
  alsoDefined = false,
): Promise<DiskLookup> {
  try {
    const { client, upAt } = await link.questions(deadline, signal);
    const ageMs = monotonicNow() - upAt;
    return await withDeadline(deadline, signal, async limit => {
      const [live, defined] = await Promise.all([
        xmlOf(client, domain, limit),
        alsoDefined ? definedIn(client, domain, limit) : Promise.resolve<string[]>([]),
      ]);
      if (!live?.active) return { kind: 'stopped', ageMs };
      const found = findDisk(live, disk);
      if (!found) return { kind: 'absent', defined: defined.includes(disk) };
      const host = await hostAt(client, limit);
      return { kind: 'there', alias: found.alias, source: found.source, run: { host, id: live.id } };
    });
  } catch (error) {
    return { kind: 'unreadable', detail: unanswered(link.host, error).message };
  }
}
