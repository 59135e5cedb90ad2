// An answer can be lost, and an earlier attempt of ours, of which a crash has left us no memory, may still be at work in
// libvirt: so no refusal counts before the live domain has been read. libvirt works one change of a domain after the other: once it
// has answered a new attempt, an earlier one has come to its end. That is why a lost call is simply made again.

import type { Failure } from '../../machines/reasons.ts';
import type { Vm } from '../../machines/vm.ts';
import { monotonicNow } from '../lib/clock.ts';
import { AFFECT_LIVE, ERROR } from '../libvirt/constants.ts';
import { type CallResult, change } from './change.ts';
import { classifyPlugRefusal } from './classify.ts';
import { pause } from './deadline.ts';
import { diskElement, sameSource } from './disk-xml.ts';
import { type DomainLookup, domainOf, lookFor } from './domain-lookup.ts';
import type { DiskSpec, PlugOutcome } from './hypervisor.ts';
import type { Operations } from './operations.ts';

const unknown = (detail: string): PlugOutcome => ({ kind: 'unknown', detail });
const refused = (code: Failure, detail: string): PlugOutcome => ({ kind: 'refused', code, detail });

/** Refusals after which the call has certainly done nothing, and will not. */
const NOTHING_DONE: ReadonlySet<number> = new Set([
  ERROR.NO_DOMAIN,
  ERROR.OPERATION_INVALID,
  ERROR.OPERATION_TIMEOUT,
]);

const isCertain = (answer: CallResult): boolean =>
  answer.kind === 'refused' && NOTHING_DONE.has(answer.error.code);

/** See `Hypervisor.plug`. */
export async function plug(
  { links, takeTurn, times }: Operations,
  vm: Vm,
  spec: DiskSpec,
  deadline: number,
  signal: AbortSignal,
): Promise<PlugOutcome> {
  if (vm.domain === null) return refused('VM_UNKNOWN', 'the machine has not been resolved');
  const link = links.get(vm.node);
  const domain = domainOf(vm.domain, vm.names[0]);
  const xml = diskElement(spec);
  // What is left after the last call is for reading the domain.
  const askUntil = deadline - Math.min(times.lastLookMs, (deadline - monotonicNow()) / 4);

  let doubt = '';
  let wasSent = false;
  /** Calls of which nobody knows whether they are at work yet. */
  let { mayBeAtWork = false } = spec;

  /**
   * The machine does not run here. Only a call that was itself answered so is certain not to come true: one that is queued behind the start
   * of the machine's next run is carried out on that. A machine that was saved after the call comes back with the disk.
   */
  function whenStopped(answer: CallResult, ageMs: number): PlugOutcome | undefined {
    if (answer.kind === 'done') return unknown('the machine has stopped since libvirt plugged it in');
    if (answer.kind !== 'refused') return undefined;
    const { code, message } = answer.error;
    if (code === ERROR.NO_DOMAIN && ageMs < times.settlingMs) return undefined;
    if (!isCertain(answer) || mayBeAtWork) return unknown(message);
    return refused(code === ERROR.NO_DOMAIN ? 'VM_UNKNOWN' : 'VM_NOT_RUNNING', message);
  }

  /** The outcome, or undefined to try again. */
  function judge(answer: CallResult, sight: DomainLookup): PlugOutcome | undefined {
    switch (sight.kind) {
      case 'unreadable':
        doubt = sight.detail;
        return undefined;
      case 'there':
        if (sameSource(sight.source, spec.source.path)) return { kind: 'plugged', run: sight.run };
        return unknown(`the machine has this disk from another place, ${sight.source}`);
      case 'stopped':
        return whenStopped(answer, sight.ageMs);
    }
    if (answer.kind === 'done') {
      return refused('PLUG_REFUSED', 'libvirt reported success, but the running machine has no such disk');
    }
    const error = answer.kind === 'refused' ? answer.error : undefined;
    doubt = error?.message ?? doubt;
    // Another job holds the domain, perhaps that of an earlier attempt; or libvirtd has only now found the domain again.
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
    if (answer.kind === 'lost' || answer.kind === 'unsent') doubt = answer.detail;
    wasSent ||= answer.kind !== 'unsent';
    if (!wasSent) return unknown(doubt);
    const sight = await lookFor(link, domain, spec.disk, deadline, signal);
    const outcome = answer.kind === 'unsent' ? undefined : judge(answer, sight);
    if (outcome) return outcome;
    // Also what libvirt says to have done: as long as the machine was not read, it may have the disk, and take it along.
    mayBeAtWork ||= answer.kind !== 'unsent' && !isCertain(answer);
    if (signal.aborted || monotonicNow() + times.retryMs >= askUntil) return unknown(doubt);
    await pause(times.retryMs, signal);
  }
}
