import type { Logger } from 'pino';
import type { AttachmentMessage } from '../../machines/attachment-events.ts';
import type { AttachmentContext } from '../../machines/attachment-parts.ts';
import type { DiskMessage } from '../../machines/disk-events.ts';
import type { DiskContext } from '../../machines/disk-parts.ts';
import type { Failure, Problem } from '../../machines/reasons.ts';
import { PdiskError, reasonOf } from '../errors.ts';
import type { Hypervisor } from '../hypervisor/hypervisor.ts';
import type { Pool } from '../storage/pool.ts';
import type { Message } from './records.ts';
import type { EffectNote } from './step.ts';

/** Does what a chart asked for, outside, and brings back what came of it: always a message, also of a failure. */
export type Effects = (note: EffectNote, signal: AbortSignal) => Promise<Message>;

/**
 * How long before the chart's deadline an effect gives up by itself, in milliseconds: its own word about what happened is better
 * than the chart's TIMEOUT.
 */
export const GRACE_MS = 3_000;

const GIB = 2 ** 30;

/**
 * The charts' effects on a pool and a hypervisor. `doubt` says why a node's word about its machines is not believed, if it is not:
 * then what it says is gone is not known to be gone. What goes wrong with a volume of which its user is rid is told to the log: there is
 * nobody else to tell.
 */
export function createEffects(
  pool: Pool,
  hypervisor: Hypervisor,
  doubt: (node: string) => Promise<string | undefined>,
  log: Logger,
): Effects {
  async function makeVolume(
    { uuid, sizeGiB, attempt }: DiskContext,
    signal: AbortSignal,
  ): Promise<DiskMessage> {
    try {
      await pool.make(uuid, sizeGiB, signal);
      return { type: 'VOLUME_MADE', attempt };
    } catch (error) {
      return { type: 'VOLUME_FAILED', attempt, problem: problemOf(error, 'VOLUME_FAILED') };
    }
  }

  /** The volume first, then the machines that have it: each is told the size that there really is. */
  async function growVolume(context: DiskContext, signal: AbortSignal): Promise<DiskMessage> {
    const { uuid, sizeGiB, grownFrom, users, attempt, deadline } = context;
    const grown = await pool.grow(uuid, sizeGiB, signal).catch(async error => {
      const problem = problemOf(error, 'GROW_FAILED');
      // An attempt before this one may have done it.
      const size = await pool.sizeOf(uuid, signal).catch(() => undefined);
      if (size !== undefined && size >= sizeGiB * GIB) return size;
      if (size === (grownFrom ?? 0) * GIB) return { type: 'NOT_GROWN' as const, attempt, problem };
      const pending = { code: 'GROW_TIMEOUT' as const, detail: problem.detail };
      return { type: 'GROW_PENDING' as const, attempt, problem: pending };
    });
    if (typeof grown !== 'number') return grown;
    const bytes = grown;
    const managed = users.filter(({ vm }) => hypervisor.isConfigured(vm.node));
    const told = await Promise.all(
      managed.map(({ vm }) => hypervisor.resize(vm, uuid, bytes, (deadline ?? 0) - GRACE_MS, signal)),
    );
    const pending = told.find(outcome => outcome.kind === 'pending');
    if (!pending) return { type: 'GROWN', attempt };
    return { type: 'GROW_PENDING', attempt, problem: { code: 'GROW_TIMEOUT', detail: pending.detail } };
  }

  /** One piece of it. */
  async function wipeVolume(
    { uuid, wiped, attempt }: DiskContext,
    signal: AbortSignal,
  ): Promise<DiskMessage> {
    try {
      return { type: 'WIPED', attempt, ...(await pool.wipe(uuid, wiped?.bytes ?? 0, signal)) };
    } catch (error) {
      if (!signal.aborted) log.warn({ disk: uuid, error: reasonOf(error) }, 'volume not wiped');
      return { type: 'WIPE_FAILED', attempt, problem: problemOf(error, 'WIPE_FAILED') };
    }
  }

  async function removeVolume({ uuid, attempt }: DiskContext, signal: AbortSignal): Promise<DiskMessage> {
    try {
      await pool.remove(uuid, signal);
      return { type: 'VOLUME_REMOVED', attempt };
    } catch (error) {
      if (!signal.aborted) log.warn({ disk: uuid, error: reasonOf(error) }, 'volume not removed');
      return { type: 'REMOVE_FAILED', attempt, problem: problemOf(error, 'REMOVE_FAILED') };
    }
  }

  async function plug(context: AttachmentContext, signal: AbortSignal): Promise<AttachmentMessage> {
    const { vm, disk, target, shareable, attempt } = context;
    const spec = { disk, source: pool.source(disk), target: target ?? '', shareable };
    const outcome = await hypervisor.plug(vm, spec, giveUpAt(context), signal);
    if (outcome.kind === 'plugged') return { type: 'PLUGGED', attempt };
    if (outcome.kind === 'refused') {
      return { type: 'PLUG_REFUSED', attempt, problem: { code: outcome.code, detail: outcome.detail } };
    }
    return { type: 'PLUG_UNKNOWN', attempt, problem: { code: 'PLUG_UNKNOWN', detail: outcome.detail } };
  }

  async function unplug(context: AttachmentContext, signal: AbortSignal): Promise<AttachmentMessage> {
    const { vm, disk, attempt, away } = context;
    const back = !away || (await hypervisor.liveDisks(vm, giveUpAt(context), signal).catch(() => undefined));
    if (!back) {
      const detail = 'the machine has been saved, or has migrated to a node that is not known';
      return { type: 'UNPLUG_FAILED', attempt, problem: { code: 'UNPLUG_UNKNOWN', detail } };
    }
    const outcome = await hypervisor.unplug(vm, disk, giveUpAt(context), signal);
    const detail = outcome.kind === 'unplugged' ? await doubt(vm.node) : undefined;
    if (detail !== undefined) {
      return { type: 'UNPLUG_FAILED', attempt, problem: { code: 'UNPLUG_UNKNOWN', detail } };
    }
    if (outcome.kind === 'unplugged') return { type: 'UNPLUGGED', attempt };
    if (outcome.kind === 'kept') {
      return { type: 'KEPT', attempt, problem: { code: 'GUEST_KEPT_DISK', detail: outcome.detail } };
    }
    return { type: 'UNPLUG_FAILED', attempt, problem: { code: outcome.code, detail: outcome.detail } };
  }

  return (note, signal) => {
    switch (note.name) {
      case 'makeVolume':
        return makeVolume(note.context, signal);
      case 'growVolume':
        return growVolume(note.context, signal);
      case 'wipeVolume':
        return wipeVolume(note.context, signal);
      case 'removeVolume':
        return removeVolume(note.context, signal);
      case 'plug':
        return plug(note.context, signal);
      case 'unplug':
        return unplug(note.context, signal);
    }
  };
}

const giveUpAt = (context: AttachmentContext): number => (context.deadline ?? 0) - GRACE_MS;

function problemOf(error: unknown, fallback: Failure): Problem<Failure> {
  const detail = reasonOf(error);
  const full = error instanceof PdiskError && error.code === 'POOL_FULL';
  return { code: full ? 'POOL_FULL' : fallback, detail };
}
