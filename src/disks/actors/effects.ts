import type { Logger } from 'pino';
import type { AttachmentContext } from '../../../machines/attachment-parts.ts';
import type { DiskContext } from '../../../machines/disk-parts.ts';
import type { AttachmentResult, DiskResult } from '../../../machines/effects.ts';
import type { Failure, Problem } from '../../../machines/reasons.ts';
import type { Vm } from '../../../machines/vm.ts';
import { PdiskError, reasonOf } from '../../errors.ts';
import type { Hypervisor } from '../../hypervisor/hypervisor.ts';
import { GIB } from '../../lib/gib.ts';
import type { Pool } from '../../storage/pool.ts';
import { labelFor } from '../records/labels.ts';
import type { Message } from '../records/records.ts';
import type { VmLocator } from '../vms/vm-locator.ts';
import type { EffectNote } from './step.ts';
import { createUnplug } from './unplugging.ts';

/**
 * Executes an effect of a chart on the pool or a node. Always resolves with a message for the actor, also for
 * a failure.
 */
export type Effects = (note: EffectNote, signal: AbortSignal) => Promise<Message>;

/**
 * How long before the chart's deadline an effect gives up, in milliseconds, so that it reports its own result
 * before the chart times out.
 */
export const GRACE_MS = 3_000;

/** What effects need. */
export interface EffectParts {
  readonly pool: Pool;
  readonly hypervisor: Hypervisor;
  readonly locator: Pick<VmLocator, 'find' | 'definedElsewhere'>;
  /** The VM of an attachment, as decided; undefined: there is no such attachment. */
  readonly vmOf: (attachment: string) => Vm | undefined;
  /**
   * Why a node's reports are not believed; then no effect changes anything there. Undefined: they are
   * believed.
   */
  readonly doubt: (node: string) => Promise<string | undefined>;
  /** Resolves when the inspections of a domain (UUID) that are in progress have ended. */
  readonly inspected: (domain: string) => Promise<void>;
  /** Failures after the owner was answered are only logged. */
  readonly log: Logger;
  readonly now: () => number;
}

/** The effects of both charts, on a pool and a hypervisor. */
export function createEffects(parts: EffectParts): Effects {
  const { pool, hypervisor, log, now } = parts;
  const unplug = createUnplug(parts, giveUpAt);

  async function createVolume(
    context: DiskContext,
    signal: AbortSignal,
  ): Promise<DiskResult<'createVolume'>> {
    const { uuid, sizeGiB, attempt, deadline } = context;
    try {
      const label = labelFor(context);
      await inTime(deadline, signal, begin => pool.create(uuid, sizeGiB, signal, begin, label));
      return { type: 'VOLUME_CREATED', attempt };
    } catch (error) {
      const type = isNotBegun(error) ? 'NOT_BEGUN' : 'VOLUME_FAILED';
      return { type, attempt, problem: problemOf(error, 'VOLUME_FAILED') };
    }
  }

  /**
   * Runs work that may begin only while enough time is left; otherwise the chart would undo what was never
   * begun.
   */
  async function inTime<T>(
    deadline: number | null,
    signal: AbortSignal,
    work: (begin: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const left = (deadline ?? 0) - now();
    const begin = new AbortController();
    const end = (): void => begin.abort(signal.reason);
    const timer = setTimeout(end, left - Math.min(GRACE_MS, left / 4));
    signal.addEventListener('abort', end, { once: true });
    try {
      return await work(begin.signal);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
    }
  }

  /** The volume first, then the VMs that have it, so that each VM is told the real size. */
  async function resizeVolume(
    context: DiskContext,
    signal: AbortSignal,
  ): Promise<DiskResult<'resizeVolume'>> {
    const { uuid, sizeGiB, grownFrom, users, attempt, deadline } = context;
    const growing = inTime(deadline, signal, begin => pool.resize(uuid, sizeGiB, signal, begin));
    const grown = await growing.catch(async error => {
      const problem = problemOf(error, 'GROW_FAILED');
      // An earlier attempt may have resized the volume.
      const size = await pool.sizeOf(uuid, signal).catch(() => undefined);
      if (size !== undefined && size >= sizeGiB * GIB) return size;
      if (size === (grownFrom ?? 0) * GIB) return { type: 'NOT_RESIZED' as const, attempt, problem };
      const pending = { code: 'GROW_TIMEOUT' as const, detail: problem.detail };
      return { type: 'RESIZE_PENDING' as const, attempt, problem: pending };
    });
    if (typeof grown !== 'number') return grown;
    const bytes = grown;
    const vms = users.flatMap(({ attachment }) => parts.vmOf(attachment) ?? []);
    const managed = vms.filter(({ node }) => hypervisor.isConfigured(node));
    const told = await Promise.all(
      managed.map(vm => hypervisor.resize(vm, uuid, bytes, (deadline ?? 0) - GRACE_MS, signal)),
    );
    const pending = told.find(outcome => outcome.kind === 'pending');
    if (!pending) return { type: 'RESIZED', attempt };
    return { type: 'RESIZE_PENDING', attempt, problem: { code: 'GROW_TIMEOUT', detail: pending.detail } };
  }

  /** Wipes one piece of the volume. */
  async function wipeVolume(
    { uuid, wiped, attempt }: DiskContext,
    signal: AbortSignal,
  ): Promise<DiskResult<'wipeVolume'>> {
    try {
      return { type: 'WIPED', attempt, ...(await pool.wipe(uuid, wiped?.bytes ?? 0, signal)) };
    } catch (error) {
      if (!signal.aborted) log.warn({ disk: uuid, error: reasonOf(error) }, 'volume not wiped');
      return { type: 'WIPE_FAILED', attempt, problem: problemOf(error, 'WIPE_FAILED') };
    }
  }

  async function deleteVolume(
    { uuid, attempt }: DiskContext,
    signal: AbortSignal,
  ): Promise<DiskResult<'deleteVolume'>> {
    try {
      await pool.delete(uuid, signal);
      return { type: 'VOLUME_DELETED', attempt };
    } catch (error) {
      if (!signal.aborted) log.warn({ disk: uuid, error: reasonOf(error) }, 'volume not removed');
      return { type: 'REMOVE_FAILED', attempt, problem: problemOf(error, 'REMOVE_FAILED') };
    }
  }

  async function plug(context: AttachmentContext, signal: AbortSignal): Promise<AttachmentResult<'plug'>> {
    const { vm, disk, target, shareable, attempt } = context;
    const mayBeAtWork = attempt > 1;
    const spec = { disk, source: pool.source(disk), target: target ?? '', shareable, mayBeAtWork };
    const outcome = await hypervisor.plug(vm, spec, giveUpAt(context), signal);
    if (outcome.kind === 'plugged') return { type: 'PLUGGED', attempt, run: outcome.run };
    if (outcome.kind === 'refused') {
      return { type: 'PLUG_REFUSED', attempt, problem: { code: outcome.code, detail: outcome.detail } };
    }
    return { type: 'PLUG_UNKNOWN', attempt, problem: { code: 'PLUG_UNKNOWN', detail: outcome.detail } };
  }

  return (note, signal) => {
    switch (note.name) {
      case 'createVolume':
        return createVolume(note.context, signal);
      case 'resizeVolume':
        return resizeVolume(note.context, signal);
      case 'wipeVolume':
        return wipeVolume(note.context, signal);
      case 'deleteVolume':
        return deleteVolume(note.context, signal);
      case 'plug':
        return plug(note.context, signal);
      case 'unplug':
        return unplug(note.context, signal);
    }
  };
}

const giveUpAt = (context: AttachmentContext): number => (context.deadline ?? 0) - GRACE_MS;

/** Codes of the pool itself, which replace the code of the operation. */
const OF_THE_POOL = ['POOL_FULL', 'POOL_BUSY', 'POOL_UNAVAILABLE'] as const;

const isNotBegun = (error: unknown): boolean =>
  error instanceof PdiskError && (error.code === 'POOL_BUSY' || error.code === 'POOL_UNAVAILABLE');

function problemOf(error: unknown, fallback: Failure): Problem<Failure> {
  const goesOn = fallback === 'REMOVE_FAILED' || fallback === 'WIPE_FAILED';
  const code =
    error instanceof PdiskError && !goesOn ? OF_THE_POOL.find(one => one === error.code) : undefined;
  return { code: code ?? fallback, detail: reasonOf(error) };
}
