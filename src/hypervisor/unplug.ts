// A success of libvirt's detach call means at most that the guest was asked: a guest that boots or is paused
// keeps the disk although libvirt reports success. Only the live domain proves the result. That its XML lacks
// the disk is proof only after libvirt has answered an unplug request: libvirt serialises changes per domain,
// so by then a plug whose answer was lost has finished too.

import type { Vm } from '../../machines/vm.ts';
import { reasonOf } from '../errors.ts';
import { monotonicNow } from '../lib/clock.ts';
import { AFFECT_LIVE, ERROR, STATE_CRASHED, STATE_PAUSED } from '../libvirt/constants.ts';
import type { LibvirtError } from '../libvirt/errors.ts';
import { type CallResult, change } from './change.ts';
import { isBlockJob, isDeviceMissing, isUnanswered, isUnplugPending } from './classify.ts';
import { pause, withDeadline } from './deadline.ts';
import { aliasOf, sameSource } from './disk-xml.ts';
import { type DiskLookup, domainOf, lookFor } from './domain-lookup.ts';
import { watchDomain } from './domain-watch.ts';
import { hostAt } from './host.ts';
import type { Expected, UnplugOutcome } from './hypervisor.ts';
import type { Operations } from './operations.ts';

const UNPLUGGED: UnplugOutcome = { kind: 'unplugged' };
const UNPLUGGED_LIVE: UnplugOutcome = { kind: 'unplugged-live' };
const uncertain = (detail: string): UnplugOutcome => ({ kind: 'failed', code: 'UNPLUG_UNKNOWN', detail });

/** Whether libvirt has executed the call on the domain: then all its earlier changes have finished. */
function isFromDomain(answer: CallResult): boolean {
  if (answer.kind !== 'refused') return answer.kind === 'done';
  return answer.error.code !== ERROR.NO_DOMAIN && answer.error.code !== ERROR.OPERATION_TIMEOUT;
}

/** Whether a refusal is permanent, so that repeating the request would not help. */
function isFinal(error: LibvirtError): boolean {
  return error.code !== ERROR.NO_DOMAIN && !isDeviceMissing(error) && !isUnplugPending(error);
}

/** Asks the guest until the live domain lacks the disk. Throws NODE_NOT_CONFIGURED or STOPPING. */
export async function unplug(
  { links, takeTurn, times }: Operations,
  vm: Vm,
  disk: string,
  { host, source }: Expected,
  deadline: number,
  signal: AbortSignal,
): Promise<UnplugOutcome> {
  if (vm.domain === null) return uncertain('the VM has not been resolved');
  const link = links.get(vm.node);
  const domain = domainOf(vm.domain, vm.names[0]);
  // The time after the last request is reserved for a last read of the domain.
  const askUntil = deadline - Math.min(times.lastLookMs, (deadline - monotonicNow()) / 4);
  const watch = watchDomain(links, vm.node, vm.domain, aliasOf(disk));
  let alias = aliasOf(disk);
  let askAt = monotonicNow();
  let mayBeAsked = false;
  /** Whether QEMU still waits for the guest's answer to an earlier request, and makes no other. */
  let isPending = false;
  let answered = false;
  /** libvirt has answered NO_DOMAIN: no call can wait for a domain that does not exist. */
  let isKnownToBeOff = false;
  let refusal: LibvirtError | undefined;
  let unknownReason = '';

  const askIn = (ms: number): void => {
    askAt = monotonicNow() + ms;
  };

  /** Asks the guest to release the disk. The answer decides when to read the domain and when to ask again. */
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
    if (answer.kind !== 'unsent') isPending = answer.kind === 'refused' && isUnanswered(answer.error);
    if (answer.kind === 'lost' || answer.kind === 'unsent') unknownReason = answer.detail;
    if (answer.kind === 'refused') unknownReason = answer.error.message;
    askIn(answer.kind === 'unsent' ? times.retryMs : times.askAgainMs);
    return answer;
  }

  /** The failure if another host answers than the expected one: what it shows does not count. */
  function wrongHost(answering: string): UnplugOutcome | undefined {
    if (host === null || answering === host) return undefined;
    const detail = `host ${answering} answers where the VM was on host ${host}`;
    return { kind: 'failed', code: 'NODE_DOUBTED', detail };
  }

  /** The failure if the VM writes to another path than the volume: unplugging would lose these writes. */
  function diverted(path: string): UnplugOutcome | undefined {
    if (source === null || sameSource(path, source)) return undefined;
    return { kind: 'failed', code: 'DISK_DIVERTED', detail: path };
  }

  /** The outcome, or undefined to go on. Every repeated request follows a look that was judged here. */
  function judge(lookup: DiskLookup): UnplugOutcome | undefined {
    switch (lookup.kind) {
      case 'there': {
        const hindrance = wrongHost(lookup.run.host) ?? diverted(lookup.source);
        if (hindrance) return hindrance;
        if (refusal) {
          const code = isBlockJob(refusal) ? 'BLOCK_JOB' : 'UNPLUG_REFUSED';
          return { kind: 'failed', code, detail: refusal.message };
        }
        // Another tool plugged the disk, under an alias of its own.
        if (lookup.alias !== alias) {
          alias = lookup.alias;
          askIn(0);
        }
        return undefined;
      }
      case 'absent':
        if (answered || watch.removed) return lookup.defined ? UNPLUGGED_LIVE : UNPLUGGED;
        askIn(times.retryMs);
        return undefined;
      case 'stopped':
        return { kind: 'stopped', settled: answered || isKnownToBeOff };
      case 'unreadable':
        unknownReason = lookup.detail;
        // Before the next request the domain must be read: a snapshot may have been created.
        askIn(times.retryMs);
        return watch.removed ? UNPLUGGED_LIVE : undefined;
    }
  }

  async function whyKept(): Promise<string> {
    const state = await withDeadline(deadline, signal, async limit => {
      const { client } = await link.questions(deadline, limit);
      return (await client.domainState(domain, { signal: limit })).state;
    }).catch(() => undefined);
    if (state === STATE_CRASHED) return 'the guest has crashed, and its VM is kept; end the VM';
    if (state === STATE_PAUSED) return 'the VM is paused, and lets go when it resumes';
    if (watch.refused) return 'the guest refused';
    return isPending
      ? 'the guest has not answered; one that was asked before it had booted answers at its reset, or when another disk is plugged'
      : 'the guest did not let go in time';
  }

  async function giveUp(lookup: DiskLookup): Promise<UnplugOutcome> {
    if (lookup.kind !== 'there') return uncertain(unknownReason);
    const detail = await whyKept();
    // The guest may have released the disk since. The event alone is no proof: it may be an old one.
    const late = watch.removed ? judge(await lookFor(link, domain, disk, deadline, signal, true)) : undefined;
    return late ?? { kind: 'kept', detail };
  }

  /** The failure because of which the guest must not be asked at all; undefined if there is none. */
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
    const lookup = await lookFor(link, domain, disk, askUntil, signal);
    if (lookup.kind === 'unreadable')
      return { kind: 'failed', code: 'NODE_UNREACHABLE', detail: lookup.detail };
    return lookup.kind === 'there' ? diverted(lookup.source) : undefined;
  }

  try {
    const before = await obstacle();
    if (before) return before;
    for (;;) {
      const answer = monotonicNow() >= askAt ? await ask() : undefined;
      if (!mayBeAsked) return { kind: 'failed', code: 'NODE_UNREACHABLE', detail: unknownReason };
      if (answer?.kind !== 'refused') {
        const until = Math.min(askAt, askUntil) - monotonicNow();
        await pause(Math.min(times.pollMs, until), signal, watch.next());
      }
      const lookup = await lookFor(link, domain, disk, deadline, signal, true);
      const outcome = judge(lookup);
      if (outcome) return outcome;
      if (signal.aborted || monotonicNow() >= askUntil) return await giveUp(lookup);
    }
  } finally {
    watch.end();
  }
}
