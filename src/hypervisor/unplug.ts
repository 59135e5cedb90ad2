// libvirt's success means that the guest was asked, and sometimes not even that: a guest that boots or is paused keeps the
// disk, and libvirt says yes. Proof is the live domain, and its silence about a disk proves something only once libvirt has
// answered a request to unplug: that answer comes after the end of a plug whose own answer was lost.

import type { Vm } from '../../machines/vm.ts';
import { reasonOf } from '../errors.ts';
import { monotonicNow } from '../lib/clock.ts';
import { AFFECT_LIVE, ERROR, STATE_CRASHED, STATE_PAUSED } from '../libvirt/constants.ts';
import type { LibvirtError } from '../libvirt/errors.ts';
import { type CallResult, change } from './change.ts';
import { isBlockJob, isDeviceMissing, isUnplugPending } from './classify.ts';
import { pause, withDeadline } from './deadline.ts';
import { aliasOf, sameSource } from './disk-xml.ts';
import { type DomainLookup, domainOf, lookFor } from './domain-lookup.ts';
import { watchDomain } from './domain-watch.ts';
import { hostAt } from './host.ts';
import type { Expected, UnplugOutcome } from './hypervisor.ts';
import type { Operations } from './operations.ts';

const UNPLUGGED: UnplugOutcome = { kind: 'unplugged' };
const UNPLUGGED_LIVE: UnplugOutcome = { kind: 'unplugged-live' };
const uncertain = (detail: string): UnplugOutcome => ({ kind: 'failed', code: 'UNPLUG_UNKNOWN', detail });

/** Whether the answer came from the domain, so that every earlier change of it has come to its end. */
function isFromDomain(answer: CallResult): boolean {
  if (answer.kind !== 'refused') return answer.kind === 'done';
  return answer.error.code !== ERROR.NO_DOMAIN && answer.error.code !== ERROR.OPERATION_TIMEOUT;
}

/** Whether a refusal is about this disk or this domain as such, so that asking again would not help. */
function isFinal(error: LibvirtError): boolean {
  return error.code !== ERROR.NO_DOMAIN && !isDeviceMissing(error) && !isUnplugPending(error);
}

/** See `Hypervisor.unplug`. */
export async function unplug(
  { links, takeTurn, times }: Operations,
  vm: Vm,
  disk: string,
  { host, source }: Expected,
  deadline: number,
  signal: AbortSignal,
): Promise<UnplugOutcome> {
  if (vm.domain === null) return uncertain('the machine has not been resolved');
  const link = links.get(vm.node);
  const domain = domainOf(vm.domain, vm.names[0]);
  // What is left after the last request is for reading the domain.
  const askUntil = deadline - Math.min(times.lastLookMs, (deadline - monotonicNow()) / 4);
  const watch = watchDomain(links, vm.node, vm.domain, aliasOf(disk));
  let alias = aliasOf(disk);
  let askAt = monotonicNow();
  let mayBeAsked = false;
  let answered = false;
  /** Where no such domain is, no call can be queued for it: the next start makes another. */
  let isKnownToBeOff = false;
  let refusal: LibvirtError | undefined;
  let doubt = '';

  const askIn = (ms: number): void => {
    askAt = monotonicNow() + ms;
  };

  /** Asks the guest to let go; the answer decides when to look and when to ask again. */
  async function ask(): Promise<CallResult> {
    const answer = await change(
      link,
      { take: takeTurn, domain: domain.uuid },
      askUntil,
      signal,
      (client, limit) => client.detachDeviceByAlias(domain, alias, AFFECT_LIVE, { signal: limit }),
    );
    mayBeAsked ||= answer.kind !== 'unsent';
    answered ||= isFromDomain(answer);
    isKnownToBeOff ||= answer.kind === 'refused' && answer.error.code === ERROR.NO_DOMAIN;
    refusal = answer.kind === 'refused' && isFinal(answer.error) ? answer.error : undefined;
    if (answer.kind === 'lost' || answer.kind === 'unsent') doubt = answer.detail;
    if (answer.kind === 'refused') doubt = answer.error.message;
    askIn(answer.kind === 'unsent' ? times.retryMs : times.askAgainMs);
    return answer;
  }

  /** Why the guest is not asked: another host may not be believed. */
  function wrongHost(answering: string): UnplugOutcome | undefined {
    if (host === null || answering === host) return undefined;
    const detail = `host ${answering} answers where the machine was on host ${host}`;
    return { kind: 'failed', code: 'NODE_DOUBTED', detail };
  }

  /** And what the machine has written to another path would be lost. */
  function diverted(path: string): UnplugOutcome | undefined {
    if (source === null || sameSource(path, source)) return undefined;
    return { kind: 'failed', code: 'DISK_DIVERTED', detail: path };
  }

  /** The outcome, or undefined to go on. Each repetition of the request comes right after a look that was judged here. */
  function judge(sight: DomainLookup): UnplugOutcome | undefined {
    switch (sight.kind) {
      case 'there': {
        const hindrance = wrongHost(sight.run.host) ?? diverted(sight.source);
        if (hindrance) return hindrance;
        if (refusal) {
          const code = isBlockJob(refusal) ? 'BLOCK_JOB' : 'UNPLUG_REFUSED';
          return { kind: 'failed', code, detail: refusal.message };
        }
        // Somebody else plugged it, under a name of his own.
        if (sight.alias !== alias) {
          alias = sight.alias;
          askIn(0);
        }
        return undefined;
      }
      case 'absent':
        if (answered || watch.removed) return sight.defined ? UNPLUGGED_LIVE : UNPLUGGED;
        askIn(times.retryMs);
        return undefined;
      case 'stopped':
        return { kind: 'stopped', settled: answered || isKnownToBeOff };
      case 'unreadable':
        doubt = sight.detail;
        // A snapshot may have been made since the last look.
        askIn(times.retryMs);
        return watch.removed ? UNPLUGGED_LIVE : undefined;
    }
  }

  async function whyKept(): Promise<string> {
    const state = await withDeadline(deadline, signal, async limit => {
      const { client } = await link.questions(deadline, limit);
      return (await client.domainState(domain, { signal: limit })).state;
    }).catch(() => undefined);
    if (state === STATE_CRASHED) return 'the guest has crashed, and its machine is kept; end the machine';
    if (state === STATE_PAUSED) return 'the machine is paused, and lets go when it resumes';
    return watch.refused ? 'the guest refused' : 'the guest did not let go in time';
  }

  async function giveUp(sight: DomainLookup): Promise<UnplugOutcome> {
    if (sight.kind !== 'there') return uncertain(doubt);
    const detail = await whyKept();
    // While the reason was asked for, the guest may have let go; an event alone, which may be an old one, does not tell.
    const late = watch.removed ? judge(await lookFor(link, domain, disk, deadline, signal, true)) : undefined;
    return late ?? { kind: 'kept', detail };
  }

  /** What keeps the guest from being asked at all. */
  async function obstacle(): Promise<UnplugOutcome | undefined> {
    try {
      if (host !== null) {
        const { client } = await link.questions(askUntil, signal);
        const stranger = wrongHost(await withDeadline(askUntil, signal, limit => hostAt(client, limit)));
        if (stranger) return stranger;
      }
    } catch (error) {
      return { kind: 'failed', code: 'NODE_UNREACHABLE', detail: reasonOf(error) };
    }
    if (source === null) return undefined;
    const sight = await lookFor(link, domain, disk, askUntil, signal);
    if (sight.kind === 'unreadable')
      return { kind: 'failed', code: 'NODE_UNREACHABLE', detail: sight.detail };
    return sight.kind === 'there' ? diverted(sight.source) : undefined;
  }

  try {
    const before = await obstacle();
    if (before) return before;
    for (;;) {
      const answer = monotonicNow() >= askAt ? await ask() : undefined;
      if (!mayBeAsked) return { kind: 'failed', code: 'NODE_UNREACHABLE', detail: doubt };
      if (answer?.kind !== 'refused') {
        const until = Math.min(askAt, askUntil) - monotonicNow();
        await pause(Math.min(times.pollMs, until), signal, watch.next());
      }
      const sight = await lookFor(link, domain, disk, deadline, signal, true);
      const outcome = judge(sight);
      if (outcome) return outcome;
      if (signal.aborted || monotonicNow() >= askUntil) return await giveUp(sight);
    }
  } finally {
    watch.end();
  }
}
