// libvirt's success means that the guest was asked, and sometimes not even that: a guest that boots or is paused keeps the
// disk, and libvirt says yes. Proof is the live domain, and its silence about a disk proves something only once libvirt has
// answered a request to unplug: that answer comes after the end of a plug whose own answer was lost.

import type { Vm } from '../../machines/vm.ts';
import { steadyNow } from '../clock.ts';
import { AFFECT_LIVE, ERROR, STATE_PAUSED } from '../libvirt/constants.ts';
import type { LibvirtError } from '../libvirt/errors.ts';
import { type Answer, change } from './change.ts';
import { isDeviceMissing, isUnplugPending } from './classify.ts';
import { aliasOf } from './disk-xml.ts';
import { watchDomain } from './domain-watch.ts';
import type { Fate, UnplugOutcome } from './hypervisor.ts';
import { domainOf, lookFor, type Sight } from './live.ts';
import type { Operations } from './operations.ts';
import { pause, within } from './within.ts';

const UNPLUGGED: UnplugOutcome = { kind: 'unplugged' };
const uncertain = (detail: string): UnplugOutcome => ({ kind: 'failed', code: 'UNPLUG_UNKNOWN', detail });

/** Whether the answer came from the domain, so that every earlier change of it has come to its end. */
function isFromDomain(answer: Answer): boolean {
  if (answer.kind !== 'refused') return answer.kind === 'done';
  return answer.error.code !== ERROR.NO_DOMAIN && answer.error.code !== ERROR.OPERATION_TIMEOUT;
}

/** Whether a refusal is about this disk or this domain as such, so that asking again would not help. */
function isFinal(error: LibvirtError): boolean {
  return error.code !== ERROR.NO_DOMAIN && !isDeviceMissing(error) && !isUnplugPending(error);
}

/** See `Hypervisor.unplug`. */
export async function unplug(
  { links, takeTurn, fate, times }: Operations,
  vm: Vm,
  disk: string,
  deadline: number,
  signal: AbortSignal,
): Promise<UnplugOutcome> {
  if (vm.domain === null) return uncertain('the machine has not been resolved');
  const link = links.get(vm.node);
  const domain = domainOf(vm.domain, vm.names[0]);
  // What is left after the last request is for reading the domain.
  const askUntil = deadline - Math.min(times.lastLookMs, (deadline - steadyNow()) / 4);
  const watch = watchDomain(links, vm.node, vm.domain, aliasOf(disk));
  let alias = aliasOf(disk);
  let askAt = steadyNow();
  let mayBeAsked = false;
  let answered = false;
  let refusal: LibvirtError | undefined;
  let doubt = '';

  const askIn = (ms: number): void => {
    askAt = steadyNow() + ms;
  };

  /** Asks the guest to let go; the answer decides when to look and when to ask again. */
  async function ask(): Promise<Answer> {
    const answer = await change(
      link,
      { take: takeTurn, domain: domain.uuid },
      askUntil,
      signal,
      (client, limit) => client.detachDeviceByAlias(domain, alias, AFFECT_LIVE, { signal: limit }),
    );
    mayBeAsked ||= answer.kind !== 'unsent';
    answered ||= isFromDomain(answer);
    refusal = answer.kind === 'refused' && isFinal(answer.error) ? answer.error : undefined;
    if (answer.kind === 'lost' || answer.kind === 'unsent') doubt = answer.detail;
    if (answer.kind === 'refused') doubt = answer.error.message;
    askIn(answer.kind === 'unsent' ? times.retryMs : times.askAgainMs);
    return answer;
  }

  async function fateNow(): Promise<Fate> {
    // Its old node does not know it any more: that would look like death.
    return watch.stopped === 'migrated' ? 'unknown' : await fate(vm, deadline, signal);
  }

  /** No running domain: the outcome, or undefined to try again. */
  async function whenStopped(): Promise<UnplugOutcome | undefined> {
    switch (await fateNow()) {
      case 'dead':
        return UNPLUGGED;
      case 'saved':
        return uncertain('the machine has been saved, and its disks come back with it');
      case 'unknown':
        return uncertain('the machine is not running where it was, and may still be alive');
      case 'active':
        // libvirtd has restarted and has only now found the domain again.
        askIn(times.retryMs);
        return undefined;
    }
  }

  /** The outcome, or undefined to go on. */
  async function judge(sight: Sight): Promise<UnplugOutcome | undefined> {
    switch (sight.kind) {
      case 'there':
        if (refusal) return { kind: 'failed', code: 'UNPLUG_REFUSED', detail: refusal.message };
        // Somebody else plugged it, under a name of his own.
        if (sight.alias !== alias) {
          alias = sight.alias;
          askIn(0);
        }
        return undefined;
      case 'absent':
        if (answered || watch.removed) return UNPLUGGED;
        askIn(times.retryMs);
        return undefined;
      case 'stopped':
        return whenStopped();
      case 'unreadable':
        doubt = sight.detail;
        return watch.removed ? UNPLUGGED : undefined;
    }
  }

  async function whyKept(): Promise<string> {
    const state = await within(deadline, signal, async limit => {
      const { client } = await link.questions(deadline, limit);
      return (await client.domainState(domain, { signal: limit })).state;
    }).catch(() => undefined);
    if (state === STATE_PAUSED) return 'the machine is paused, and lets go when it resumes';
    return watch.refused ? 'the guest refused' : 'the guest did not let go in time';
  }

  try {
    for (;;) {
      const answer = steadyNow() >= askAt ? await ask() : undefined;
      if (!mayBeAsked) return { kind: 'failed', code: 'NODE_UNREACHABLE', detail: doubt };
      if (answer?.kind !== 'refused') {
        const until = Math.min(askAt, askUntil) - steadyNow();
        await pause(Math.min(times.pollMs, until), signal, watch.next());
      }
      if (watch.stopped === 'dead') return UNPLUGGED;
      const sight = await lookFor(link, domain, disk, deadline, signal);
      const outcome = await judge(sight);
      if (outcome) return outcome;
      if (signal.aborted || steadyNow() >= askUntil) {
        return sight.kind === 'there' ? { kind: 'kept', detail: await whyKept() } : uncertain(doubt);
      }
    }
  } finally {
    watch.end();
  }
}
