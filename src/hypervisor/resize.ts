// A call whose answer is lost may still be carried out, and libvirt makes a disk smaller as readily as larger: so it is made
// again until libvirt answers for this domain, which works one change after the other, and nobody may ask for another size before that.

import type { Vm } from '../../machines/vm.ts';
import { steadyNow } from '../clock.ts';
import { ERROR } from '../libvirt/constants.ts';
import type { Domain } from '../libvirt/domain.ts';
import { change } from './change.ts';
import { findDisk } from './domain-xml.ts';
import type { ResizeOutcome } from './hypervisor.ts';
import { domainOf, readDomain } from './live.ts';
import type { Operations } from './operations.ts';
import { domainsNamed } from './resolve.ts';
import { pause } from './within.ts';

const DONE: ResizeOutcome = { kind: 'done' };
const pending = (detail: string): ResizeOutcome => ({ kind: 'pending', detail });

/** See `Hypervisor.resize`. */
export async function resize(
  operations: Operations,
  vm: Vm,
  disk: string,
  bytes: number,
  deadline: number,
  signal: AbortSignal,
): Promise<ResizeOutcome> {
  const link = operations.links.get(vm.node);
  const domains =
    vm.domain === null
      ? await domainsNamed(link, vm.names, deadline, signal)
      : [domainOf(vm.domain, vm.names[0])];
  const outcomes = await Promise.all(
    domains.map(domain => resizeIn(operations, vm, domain, disk, bytes, deadline, signal)),
  );
  return outcomes.find(({ kind }) => kind === 'pending') ?? DONE;
}

async function resizeIn(
  { links, takeTurn, fate, times }: Operations,
  vm: Vm,
  domain: Domain,
  disk: string,
  bytes: number,
  deadline: number,
  signal: AbortSignal,
): Promise<ResizeOutcome> {
  const link = links.get(vm.node);
  for (;;) {
    const live = await readDomain(link, domain, deadline, signal);
    if (!live?.active) {
      // libvirtd may have restarted and not know the domain yet. One that is started or restored later opens the volume anew.
      const found = vm.domain === null ? 'dead' : await fate(vm, deadline, signal);
      if (found === 'dead' || found === 'saved') return DONE;
      if (found === 'unknown')
        return pending('the machine is not running where it was, and may still be alive');
    }
    const device = live && findDisk(live, disk);
    if (live?.active && !device) return DONE;
    let doubt = 'libvirt has not found the domain again';
    if (device) {
      const answer = await change(
        link,
        { take: takeTurn, domain: domain.uuid },
        deadline,
        signal,
        (client, limit) => client.blockResize(domain, device.target, BigInt(bytes), { signal: limit }),
      );
      if (answer.kind === 'done') return DONE;
      doubt = answer.kind === 'refused' ? answer.error.message : answer.detail;
      const passing = answer.kind !== 'refused' || answer.error.code === ERROR.OPERATION_TIMEOUT;
      if (!passing && answer.error.code !== ERROR.NO_DOMAIN) return pending(doubt);
    }
    if (signal.aborted || steadyNow() + times.retryMs >= deadline) return pending(doubt);
    await pause(times.retryMs, signal);
  }
}
