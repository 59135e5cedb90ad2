import type { Domain } from '../libvirt/domain.ts';
import { withDeadline } from './deadline.ts';
import { definedIn, isNoDomain, unanswered } from './domain-lookup.ts';
import { aliasedIn, liveDisksIn, parseDomainXml } from './domain-xml.ts';
import { hostAt } from './host.ts';
import type { Look } from './hypervisor.ts';
import { endOf, isMoving } from './lifecycle.ts';
import type { NodeLink, Questions } from './node-link.ts';
import type { Runs } from './runs.ts';

async function ask(
  { client, generation }: Questions,
  node: string,
  runs: Runs,
  domain: Domain,
  signal: AbortSignal,
): Promise<Look> {
  const host = await hostAt(client, signal);
  // The state is read after the XML. If the run ends between the two calls, its event causes another look.
  const text = await client.domainXml(domain, 0, { signal });
  const xml = parseDomainXml(text);
  const [state, defined] = await Promise.all([
    client.domainState(domain, { signal }),
    xml.active ? definedIn(client, domain, signal) : aliasedIn(text),
  ]);
  if (xml.active && isMoving(state)) return { kind: 'moving', disks: liveDisksIn(xml) };
  if (xml.active) {
    runs.seen(node, generation, domain.uuid, xml.id);
    const targets = xml.disks.map(({ target }) => target);
    return { kind: 'running', run: { host, id: xml.id }, disks: liveDisksIn(xml), targets, defined };
  }
  if (await client.hasManagedSave(domain, { signal })) return { kind: 'saved' };
  return { kind: 'off', how: endOf(state) ?? null, host, defined };
}

/** Reads the state of a domain; see `Hypervisor.look`. Throws NODE_UNREACHABLE. */
export async function lookAt(
  link: NodeLink,
  node: string,
  runs: Runs,
  domain: Domain,
  deadline: number,
  signal: AbortSignal | undefined,
): Promise<Look> {
  try {
    const questions = await link.questions(deadline, signal);
    return await withDeadline(deadline, signal, limit => ask(questions, node, runs, domain, limit));
  } catch (error) {
    if (isNoDomain(error)) return { kind: 'absent' };
    throw unanswered(link.host, error);
  }
}
