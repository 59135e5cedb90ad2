// An answer can be lost, and an earlier attempt of ours, of which a crash has left us no memory, may still be at work in
// libvirt: so no refusal counts before the live domain has been read. libvirt works one change of a domain after the other: once it
// has answered a new attempt, an earlier one has come to its end. That is why a lost call is simply made again.

import type { Failure } from '../../machines/reasons.ts';
import type { Vm } from '../../machines/vm.ts';
import { steadyNow } from '../clock.ts';
import { AFFECT_LIVE, ERROR } from '../libvirt/constants.ts';
import type { LibvirtError } from '../libvirt/errors.ts';
import { type Answer, change } from './change.ts';
import { classifyPlugRefusal } from './classify.ts';
import { aliasOf, diskElement } from './disk-xml.ts';
import { watchDomain } from './domain-watch.ts';
import type { DiskSpec, Fate, PlugOutcome } from './hypervisor.ts';
import { domainOf, lookFor } from './live.ts';
import type { Operations } from './operations.ts';
import { pause } from './within.ts';

const unknown = (detail: string): PlugOutcome => ({ kind: 'unknown', detail });
const refused = (code: Failure, detail: string): PlugOutcome => ({ kind: 'refused', code, detail });

/** The domain does not run, says libvirt: only what is dead for certain will not bring the disk back. */
function whenStopped(fate: Fate, error: LibvirtError | undefined): PlugOutcome | undefined {
  switch (fate) {
    case 'active':
      return undefined;
    case 'dead':
      if (!error) return refused('VM_STOPPED', '');
      return refused(error.code === ERROR.NO_DOMAIN ? 'VM_UNKNOWN' : 'VM_NOT_RUNNING', error.message);
    case 'saved':
      return unknown('the machine has been saved, and what it had comes back with it');
    case 'unknown':
      return unknown('the machine is not running where it was, and may still be alive');
  }
}

/** See `Hypervisor.plug`. */
export async function plug(
  { links, takeTurn, fate, times }: Operations,
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
  const askUntil = deadline - Math.min(times.lastLookMs, (deadline - steadyNow()) / 4);
  const watch = watchDomain(links, vm.node, vm.domain, aliasOf(spec.disk));

  let doubt = '';
  let mayBeAtWork = false;

  async function fateNow(): Promise<Fate> {
    if (watch.stopped === 'dead') return 'dead';
    // Its old node does not know it any more: that would look like death.
    return watch.stopped === 'migrated' ? 'unknown' : await fate(vm, deadline, signal);
  }

  /** The outcome, or undefined to try again. */
  async function judge(answer: Answer): Promise<PlugOutcome | undefined> {
    const sight = await lookFor(link, domain, spec.disk, deadline, signal);
    if (sight.kind === 'unreadable') {
      doubt = sight.detail;
      return undefined;
    }
    if (sight.kind === 'there') {
      if (sight.source === spec.source.path) return { kind: 'plugged' };
      return unknown(`the machine has this disk from another place, ${sight.source}`);
    }
    const error = answer.kind === 'refused' ? answer.error : undefined;
    if (sight.kind === 'stopped') return whenStopped(await fateNow(), error);
    if (answer.kind === 'done') {
      return refused('PLUG_REFUSED', 'libvirt reported success, but the running machine has no such disk');
    }
    doubt = error?.message ?? doubt;
    // Another job holds the domain, perhaps that of an earlier attempt; or libvirtd has only now found the domain again.
    if (!error || error.code === ERROR.OPERATION_TIMEOUT || error.code === ERROR.NO_DOMAIN) return undefined;
    return refused(classifyPlugRefusal(error), error.message);
  }

  try {
    for (;;) {
      const answer = await change(
        link,
        { take: takeTurn, domain: domain.uuid },
        askUntil,
        signal,
        (client, limit) => client.attachDevice(domain, xml, AFFECT_LIVE, { signal: limit }),
      );
      if (answer.kind === 'lost' || answer.kind === 'unsent') doubt = answer.detail;
      mayBeAtWork ||= answer.kind !== 'unsent';
      if (!mayBeAtWork) return unknown(doubt);
      const outcome = answer.kind === 'unsent' ? undefined : await judge(answer);
      if (outcome) return outcome;
      if (signal.aborted || steadyNow() + times.retryMs >= askUntil) return unknown(doubt);
      await pause(times.retryMs, signal);
    }
  } finally {
    watch.end();
  }
}
