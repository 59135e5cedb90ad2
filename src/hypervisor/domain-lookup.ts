import type { Run } from '../../machines/whereabouts.ts';
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

/** A machine as an argument of libvirt's calls, which look at the UUID only; the name is for their messages. */
export function domainOf(uuid: string, name = uuid): Domain {
  return { name, uuid, id: -1 };
}

export const isNoDomain = (error: unknown): boolean =>
  error instanceof LibvirtError && error.code === ERROR.NO_DOMAIN;

/** NODE_UNREACHABLE for whatever kept a question from being answered. */
export function unanswered(host: string, error: unknown): PdiskError {
  if (error instanceof PdiskError) return error;
  return errorOf('NODE_UNREACHABLE', {
    node: host,
    detail: reasonOf(error),
  });
}

/** undefined where libvirt knows no such domain, which right after libvirtd's own restart proves nothing. */
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
 * The disks of ours in the definition of a running machine. One that has no definition shows what it runs with there, too; one that libvirt
 * does not know has none.
 */
export async function definedIn(
  client: LibvirtClient,
  domain: Domain,
  signal: AbortSignal,
): Promise<string[]> {
  const disks = aliasedIn((await whereKnown(client.domainXml(domain, XML_INACTIVE, { signal }))) ?? '');
  return disks.length > 0 && (await whereKnown(client.isPersistent(domain, { signal }))) ? disks : [];
}

/** What the live domain shows of one disk. */
export type DomainLookup =
  | { readonly kind: 'there'; readonly alias: string; readonly source: string; readonly run: Run }
  /** The domain runs and has no such disk. `defined`: its definition has it, where that was asked for. */
  | { readonly kind: 'absent'; readonly defined: boolean }
  /** libvirt knows of no running domain with that UUID. `ageMs`: how old the connection is that says so. */
  | { readonly kind: 'stopped'; readonly ageMs: number }
  | { readonly kind: 'unreadable'; readonly detail: string };

/** Looks for a disk in the live domain; never rejects. `alsoDefined`: in its definition as well. */
export async function lookFor(
  link: NodeLink,
  domain: Domain,
  disk: string,
  deadline: number,
  signal: AbortSignal,
  alsoDefined = false,
): Promise<DomainLookup> {
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
