import { errorOf, PdiskError, reasonOf } from '../errors.ts';
import { ERROR } from '../libvirt/constants.ts';
import type { Domain } from '../libvirt/domain.ts';
import { LibvirtError } from '../libvirt/errors.ts';
import { type DomainXml, findDisk, parseDomainXml } from './domain-xml.ts';
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

/**
 * A domain's XML, live if it runs; undefined where libvirt knows no such domain, which right after libvirtd's own restart
 * proves nothing. Throws NODE_UNREACHABLE.
 */
export async function readDomain(
  link: NodeLink,
  domain: Domain,
  deadline: number,
  signal: AbortSignal | undefined,
): Promise<DomainXml | undefined> {
  try {
    const { client } = await link.questions(deadline, signal);
    return parseDomainXml(
      await within(deadline, signal, limit => client.domainXml(domain, 0, { signal: limit })),
    );
  } catch (error) {
    if (isNoDomain(error)) return undefined;
    throw unanswered(link.host, error);
  }
}

/** What the live domain shows of one disk. */
export type Sight =
  | { readonly kind: 'there'; readonly alias: string; readonly source: string }
  /** The domain runs and has no such disk. */
  | { readonly kind: 'absent' }
  /** libvirt knows of no running domain with that UUID. */
  | { readonly kind: 'stopped' }
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
    const live = await readDomain(link, domain, deadline, signal);
    if (!live?.active) return { kind: 'stopped' };
    const found = findDisk(live, disk);
    return found ? { kind: 'there', alias: found.alias, source: found.source } : { kind: 'absent' };
  } catch (error) {
    return { kind: 'unreadable', detail: (error as Error).message };
  }
}
