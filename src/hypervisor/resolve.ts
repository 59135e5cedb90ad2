import type { Vm } from '../../machines/vm.ts';
import { errorOf } from '../errors.ts';
import type { Domain } from '../libvirt/domain.ts';
import type { DomainXml } from './domain-xml.ts';
import { ourDisks } from './domain-xml.ts';
import type { RunningVm } from './hypervisor.ts';
import { domainOf, isNoDomain, readDomain, unanswered } from './live.ts';
import type { NodeLink } from './node-link.ts';
import { within } from './within.ts';

/** The domains of a node that bear one of these names, running or not. Throws NODE_UNREACHABLE. */
export async function domainsNamed(
  link: NodeLink,
  names: readonly string[],
  deadline: number,
  signal: AbortSignal | undefined,
): Promise<Domain[]> {
  try {
    const { client } = await link.questions(deadline, signal);
    // One call each: a node may have many domains, and a machine has few names.
    const found = await within(deadline, signal, limit =>
      Promise.all(
        names.map(name =>
          client.lookupByName(name, { signal: limit }).catch(error => {
            if (!isNoDomain(error)) throw error;
          }),
        ),
      ),
    );
    return found.filter(domain => domain !== undefined);
  } catch (error) {
    throw unanswered(link.host, error);
  }
}

/** See `Hypervisor.resolve`; `vmId` is for the errors only. A paused machine runs: QEMU holds its disks. */
export async function resolveVm(
  link: NodeLink,
  vm: Vm,
  vmId: string,
  deadline: number,
  signal: AbortSignal | undefined,
): Promise<RunningVm> {
  const facts = { node: vm.host, vm: vmId };
  const found = await domainsNamed(link, vm.names, deadline, signal);
  if (found.length === 0) throw errorOf('VM_UNKNOWN', facts);
  const running = found.filter(({ id }) => id !== -1);
  if (running.length > 1) {
    const detail = running.map(({ name, uuid }) => `${name} (${uuid})`).join(' and ');
    throw errorOf('VM_AMBIGUOUS', { ...facts, detail });
  }
  const [domain] = running;
  const live = domain && (await readDomain(link, domain, deadline, signal));
  if (!live?.active) throw errorOf('VM_NOT_RUNNING', facts);
  return {
    vm: { ...vm, domain: domain?.uuid ?? null },
    targets: live.disks.map(({ target }) => target),
    disks: ourDisks(live),
  };
}

/** See `Hypervisor.liveDisks`. */
export async function liveDisksOf(
  link: NodeLink,
  vm: Vm,
  deadline: number,
  signal: AbortSignal | undefined,
): Promise<readonly string[] | undefined> {
  const domains =
    vm.domain === null
      ? await domainsNamed(link, vm.names, deadline, signal)
      : [domainOf(vm.domain, vm.names[0])];
  const all = await Promise.all(domains.map(domain => readDomain(link, domain, deadline, signal)));
  const running = all.filter((xml): xml is DomainXml => xml?.active === true);
  return running.length === 0 ? undefined : [...new Set(running.flatMap(ourDisks))];
}
