// libvirt may still execute a call whose answer was lost, and it shrinks a disk as readily as it enlarges it.
// libvirt serialises changes per domain, so the call is repeated until libvirt answers for this domain: then
// all earlier calls have finished. No other size may be requested before that.

import type { Vm } from '../../machines/vm.ts';
import { monotonicNow } from '../lib/clock.ts';
import { ERROR } from '../libvirt/constants.ts';
import type { Domain } from '../libvirt/domain.ts';
import { change } from './change.ts';
import { isBlockJob } from './classify.ts';
import { pause } from './deadline.ts';
import { domainOf } from './domain-lookup.ts';
import type { Look, ResizeOutcome } from './hypervisor.ts';
import { lookAt } from './look.ts';
import type { Operations } from './operations.ts';
import { domainsNamed } from './resolve.ts';

const DONE: ResizeOutcome = { kind: 'done' };
const pending = (detail: string): ResizeOutcome => ({ kind: 'pending', detail });

/** Resizes a disk in each domain that the VM may mean. Throws NODE_NOT_CONFIGURED or NODE_UNREACHABLE. */
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

/** Why the size of a VM that does not run here is still pending; undefined if the VM need not be told. */
function whyLater(look: Look, vm: Vm): string | undefined {
  if (look.kind === 'moving') return 'the VM is migrating';
  // It has migrated, or was saved to a file. A VM that starts or is restored later reads the size when it
  // opens the volume.
  if (look.kind === 'absent' && vm.domain !== null) return 'the VM is not running where it was';
  return undefined;
}

async function resizeIn(
  { links, runs, takeTurn, times }: Operations,
  vm: Vm,
  domain: Domain,
  disk: string,
  bytes: number,
  deadline: number,
  signal: AbortSignal,
): Promise<ResizeOutcome> {
  const link = links.get(vm.node);
  for (;;) {
    const look = await lookAt(link, vm.node, runs, domain, deadline, signal);
    const device = look.kind === 'running' ? look.disks.find(one => one.disk === disk) : undefined;
    if (look.kind === 'running' && !device) return DONE;
    let detail = whyLater(look, vm);
    if (!device && detail === undefined) return DONE;
    if (device) {
      const answer = await change(
        link,
        { take: takeTurn, domain: domain.uuid },
        deadline,
        signal,
        (client, limit) => client.blockResize(domain, device.target, BigInt(bytes), { signal: limit }),
      );
      if (answer.kind === 'done') return DONE;
      detail = answer.kind === 'refused' ? answer.error.message : answer.detail;
      const passing = answer.kind !== 'refused' || answer.error.code === ERROR.OPERATION_TIMEOUT;
      const isOver = !passing && answer.error.code !== ERROR.NO_DOMAIN;
      if (isOver && isBlockJob(answer.error)) return pending(`a backup or block copy is at work: ${detail}`);
      if (isOver) return pending(detail);
    }
    if (signal.aborted || monotonicNow() + times.retryMs >= deadline) return pending(detail ?? '');
    await pause(times.retryMs, signal);
  }
}
