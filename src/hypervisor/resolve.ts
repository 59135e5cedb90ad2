import type { Vm } from '../../machines/vm.ts';
import { errorOf } from '../errors.ts';
import type { Domain } from '../libvirt/domain.ts';
import { withDeadline } from './deadline.ts';
import { isNoDomain, unanswered } from './domain-lookup.ts';
import type { RunningVm } from './hypervisor.ts';
import { lookAt } from './look.ts';
import type { NodeLink } from './node-link.ts';
import type { Operations } from './operations.ts';

/** The domains of a node that have one of these names, running or not. Throws NODE_UNREACHABLE. */
export async function domainsNamed(
  link: NodeLink,
  names: readonly string[],
  deadline: number,
  signal: AbortSignal | undefined,
): Promise<Domain[]> {
  try {
    const { client } = await link.questions(deadline, signal);
    // One call for each name instead of a list: a node may have many domains, and a VM has few names.
    const found = await withDeadline(deadline, signal, limit =>
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

/**
 * See `Hypervisor.resolve`; `vmId` is for the errors only. A paused VM counts as running: QEMU has its disks
 * open. A VM that is paused during a migration may continue on another host, without the disk: VM_MIGRATING.
 */
export async function resolveVm(
  { links, runs }: Pick<Operations, 'links' | 'runs'>,
  vm: Vm,
  vmId: string,
  deadline: number,
  signal: AbortSignal | undefined,
): Promise<RunningVm> {
  const link = links.get(vm.node);
  const facts = { node: vm.host, vm: vmId };
  const found = await domainsNamed(link, vm.names, deadline, signal);
  if (found.length === 0) throw errorOf('VM_UNKNOWN', facts);
  const running = found.filter(({ id }) => id !== -1);
  if (running.length > 1) {
    const detail = running.map(({ name, uuid }) => `${name} (${uuid})`).join(' and ');
    throw errorOf('VM_AMBIGUOUS', { ...facts, detail });
  }
  const [domain] = running;
  const look = domain && (await lookAt(link, vm.node, runs, domain, deadline, signal));
  if (look?.kind === 'moving') throw errorOf('VM_MIGRATING', facts);
  if (look?.kind !== 'running') throw errorOf('VM_NOT_RUNNING', facts);
  const disks = look.disks.filter(({ by }) => by !== 'path').map(({ disk }) => disk);
  return { vm: { ...vm, domain: domain?.uuid ?? null }, targets: look.targets, disks: [...new Set(disks)] };
}
