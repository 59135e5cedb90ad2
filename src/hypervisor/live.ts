import type { Run } from '../../machines/whereabouts.ts';
import { steadyNow } from '../clock.ts';
import { errorOf, PdiskError, reasonOf } from '../errors.ts';
import type { LibvirtClient } from '../libvirt/client.ts';
import { ERROR } from '../libvirt/constants.ts';
import type { Domain } from '../libvirt/domain.ts';
import { LibvirtError } from '../libvirt/errors.ts';
import { type DomainXml, findDisk, parseDomainXml } from './domain-xml.ts';
import { hostAt } from './host.ts';
import type { NodeLink } from './node-link.ts';
import { within } from './within.ts';

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
async function xmlOf(
  client: LibvirtClient,
  domain: Domain,
  signal: AbortSignal,
): Promise<DomainXml | undefined> {
  try {
    return parseDomainXml(await client.domainXml(domain, 0, { signal }));
  } catch (error) {
    if (isNoDomain(error)) return undefined;
    throw error;
  }
}

/** What the live domain shows of one disk. */
export type Sight =
  | { readonly kind: 'there'; readonly alias: string; readonly source: string; readonly run: Run }
  /** The domain runs and has no such disk. */
  | { readonly kind: 'absent' }
  /** libvirt knows of no running domain with that UUID. `ageMs`: how old the connection is that says so. */
  | { readonly kind: 'stopped'; readonly ageMs: number }
  | { readonly kind: 'unreadable'; readonly detail: string };

/** Looks for a disk in the live domain; never rejects. */
export async function lookFor(
  link: NodeLink,
  domain: Domain,
  disk: string,
  deadline: number,
  signal: AbortSignal,
): Promise<Sight> {
  try {
    const { client, upAt } = await link.questions(deadline, signal);
    const ageMs = steadyNow() - upAt;
    return await within(deadline, signal, async limit => {
      const live = await xmlOf(client, domain, limit);
      if (!live?.active) return { kind: 'stopped', ageMs };
      const found = findDisk(live, disk);
      if (!found) return { kind: 'absent' };
      const host = await hostAt(client, limit);
      return { kind: 'there', alias: found.alias, source: found.source, run: { host, id: live.id } };
    });
  } catch (error) {
    return { kind: 'unreadable', detail: unanswered(link.host, error).message };
  }
}
