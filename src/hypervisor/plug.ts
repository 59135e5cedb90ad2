// libvirt's answer can be lost, and libvirt may still execute an attempt that pdisk made before a crash. So a
// refusal counts only after the live domain has been read. libvirt serialises changes per domain: once it has
// answered a call, all earlier calls have finished. Therefore a lost call is simply repeated.

import type { Failure } from '../../machines/reasons.ts';
import type { Vm } from '../../machines/vm.ts';
import { monotonicNow } from '../lib/clock.ts';
import { AFFECT_LIVE, ERROR } from '../libvirt/constants.ts';
import { type CallResult, change } from './change.ts';
import { classifyPlugRefusal } from './classify.ts';
import { pause } from './deadline.ts';
import { diskElement, sameSource } from './disk-xml.ts';
import { type DiskLookup, domainOf, lookFor } from './domain-lookup.ts';
import type { DiskSpec, PlugOutcome } from './hypervisor.ts';
import type { Operations } from './operations.ts';

const unknown = (detail: string): PlugOutcome => ({ kind: 'unknown', detail });
const refused = (code: Failure, detail: string): PlugOutcome => ({ kind: 'refused', code, detail });

/** Codes of refusals that prove that the call has changed nothing and will change nothing. */
const NOTHING_DONE: ReadonlySet<number> = new Set([
  ERROR.NO_DOMAIN,
  ERROR.OPERATION_INVALID,
  ERROR.OPERATION_TIMEOUT,
]);

const isCertain = (answer: CallResult): boolean =>
  answer.kind === 'refused' && NOTHING_DONE.has(answer.error.code);

/** Plugs a disk into the live domain and reads it back. Throws NODE_NOT_CONFIGURED or STOPPING. */
export async function plug(
  { links, takeTurn, times }: Operations,
  vm: Vm,
  spec: DiskSpec,
  deadline: number,
  signal: AbortSignal,
): Promise<PlugOutcome> {
  if (vm.domain === null) return refused('VM_UNKNOWN', 'the VM has not been resolved');
  const link = links.get(vm.node);
  const domain = domainOf(vm.domain, vm.names[0]);
  const xml = diskElement(spec);
  // The time after the last call is reserved for a last read of the domain.
  const askUntil = deadline - Math.min(times.lastLookMs, (deadline - monotonicNow()) / 4);

  let unknownReason = '';
  let wasSent = false;
  /** Whether libvirt may still execute an earlier call. */
  let { mayBeAtWork = false } = spec;

  /**
   * The outcome if the VM does not run here. The plug is refused for certain only if libvirt's answer to this
   * very call says that the VM does not run: a call that waits in libvirt behind the VM's next start is
   * executed after it, and a VM that was saved after the call is restored with the disk.
   */
  function whenStopped(answer: CallResult, ageMs: number): PlugOutcome | undefined {
    if (answer.kind === 'done') return unknown('the VM has stopped since libvirt plugged it in');
    if (answer.kind !== 'refused') return undefined;
    const { code, message } = answer.error;
    if (code === ERROR.NO_DOMAIN && ageMs < times.settlingMs) return undefined;
    if (!isCertain(answer) || mayBeAtWork) return unknown(message);
    return refused(code === ERROR.NO_DOMAIN ? 'VM_UNKNOWN' : 'VM_NOT_RUNNING', message);
  }

  /** The outcome, or undefined to try again. */
  function judge(answer: CallResult, lookup: DiskLookup): PlugOutcome | undefined {
    switch (lookup.kind) {
      case 'unreadable':
        unknownReason = lookup.detail;
        return undefined;
      case 'there':
        if (sameSource(lookup.source, spec.source.path)) return { kind: 'plugged', run: lookup.run };
        return unknown(`the VM has this disk from another place, ${lookup.source}`);
      case 'stopped':
        return whenStopped(answer, lookup.ageMs);
    }
    if (answer.kind === 'done') {
      return refused('PLUG_REFUSED', 'libvirt reported success, but the running VM has no such disk');
    }
    const error = answer.kind === 'refused' ? answer.error : undefined;
    unknownReason = error?.message ?? unknownReason;
    // Another job holds the domain, or libvirtd has just restarted and did not list the domain yet.
    if (!error || error.code === ERROR.OPERATION_TIMEOUT || error.code === ERROR.NO_DOMAIN) return undefined;
    return refused(classifyPlugRefusal(error), error.message);
  }

  for (;;) {
    const answer = await change(
      link,
      { take: takeTurn, domain: domain.uuid },
      askUntil,
      signal,
      (client, limit) => client.attachDevice(domain, xml, AFFECT_LIVE, { signal: limit }),
    );
    if (answer.kind === 'lost' || answer.kind === 'unsent') unknownReason = answer.detail;
    wasSent ||= answer.kind !== 'unsent';
    if (!wasSent) return unknown(unknownReason);
    const lookup = await lookFor(link, domain, spec.disk, deadline, signal);
    const outcome = answer.kind === 'unsent' ? undefined : judge(answer, lookup);
    if (outcome) return outcome;
    // Also after a success: the domain could not be read, so the VM may have the disk and migrate with it.
    mayBeAtWork ||= answer.kind !== 'unsent' && !isCertain(answer);
    if (signal.aborted || monotonicNow() + times.retryMs >= askUntil) return unknown(unknownReason);
    await pause(times.retryMs, signal);
  }
}
