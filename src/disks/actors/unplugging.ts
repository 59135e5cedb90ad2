import type { AttachmentContext } from '../../../machines/attachment-parts.ts';
import type { AttachmentResult } from '../../../machines/effects.ts';
import type { Failure } from '../../../machines/reasons.ts';
import { reasonOf } from '../../errors.ts';
import { definedIn } from '../vms/definitions.ts';
import type { EffectParts } from './effects.ts';

type Unplugged = AttachmentResult<'unplug'>;

/** Any host, and any path that the VM writes to. */
const EXPECT_ANYTHING = { host: null, source: null };

/** The effect `unplug` of the attachment chart. `giveUpAt`: its deadline, in milliseconds since 1970. */
export function createUnplug(
  {
    pool,
    hypervisor,
    locator,
    doubt,
    inspected,
  }: Pick<EffectParts, 'pool' | 'hypervisor' | 'locator' | 'doubt' | 'inspected'>,
  giveUpAt: (context: AttachmentContext) => number,
) {
  /**
   * The disk is off the running VM; it is released only if the next start will not bring it back, on whatever
   * node. `isDefined`: whether the definition on the VM's own node may have the disk.
   */
  async function unplugged(
    context: AttachmentContext,
    isDefined: boolean,
    signal: AbortSignal,
  ): Promise<Unplugged> {
    const { vm, disk, attempt } = context;
    const failed = (code: Failure, detail: string): Unplugged => ({
      type: 'UNPLUG_FAILED',
      attempt,
      problem: { code, detail },
    });
    try {
      const elsewhere = await locator.definedElsewhere(vm, vm.node);
      const here = isDefined
        ? definedIn(await hypervisor.look(vm.node, vm.domain ?? '', giveUpAt(context), signal))
        : [];
      return [...here, ...elsewhere].includes(disk)
        ? failed('DEFINITION_KEEPS_DISK', '')
        : { type: 'UNPLUGGED', attempt };
    } catch (error) {
      return failed('NODE_UNREACHABLE', reasonOf(error));
    }
  }

  async function unplugThere(context: AttachmentContext, signal: AbortSignal): Promise<Unplugged> {
    const { vm, disk, attempt, run } = context;
    const expected = { host: run?.host ?? null, source: pool.source(disk).path };
    for (;;) {
      const outcome = await hypervisor.unplug(vm, disk, expected, giveUpAt(context), signal);
      switch (outcome.kind) {
        case 'unplugged':
          return unplugged(context, false, signal);
        case 'unplugged-live':
          return unplugged(context, true, signal);
        case 'kept':
          return { type: 'KEPT', attempt, problem: { code: 'GUEST_KEPT_DISK', detail: outcome.detail } };
        case 'failed':
          return { type: 'UNPLUG_FAILED', attempt, problem: { code: outcome.code, detail: outcome.detail } };
      }
      const found = await locator.find(vm);
      // Unplug again: libvirtd had restarted and finds the VM only now, or the VM was started meanwhile.
      const isBack = found.at === 'running' && found.vm.node === vm.node && !signal.aborted;
      if (!isBack) return { type: 'NOT_RUNNING', attempt, settled: outcome.settled, found, alarm: null };
    }
  }

  /**
   * Sends nothing to a node whose reports are not believed, for instance because another host answers under
   * its name, and accepts no result from it.
   */
  async function unplugIfBelieved(context: AttachmentContext, signal: AbortSignal): Promise<Unplugged> {
    const { vm, attempt } = context;
    const doubted = async (): Promise<Unplugged | undefined> => {
      const detail = await doubt(vm.node);
      if (detail === undefined) return undefined;
      return { type: 'UNPLUG_FAILED', attempt, problem: { code: 'NODE_DOUBTED', detail } };
    };
    const before = await doubted();
    if (before) return before;
    const message = await unplugThere(context, signal);
    if (message.type === 'UNPLUGGED' && vm.domain !== null) await inspected(vm.domain);
    return message.type === 'UNPLUGGED' ? ((await doubted()) ?? message) : message;
  }

  /**
   * Whether no plug call is pending on the node that the VM has left: that libvirt answers a later request
   * there shows it, since it serialises changes of a domain.
   */
  async function isSettledElsewhere(context: AttachmentContext, signal: AbortSignal): Promise<boolean> {
    const { vm, disk, atWork } = context;
    if (atWork === null || atWork.node === vm.node) return true;
    const { node } = atWork;
    if ((await doubt(node)) !== undefined) return false;
    const there = { ...vm, ...atWork };
    const outcome = await hypervisor.unplug(there, disk, EXPECT_ANYTHING, giveUpAt(context), signal);
    const isOut = outcome.kind === 'unplugged' || outcome.kind === 'unplugged-live';
    const isSettled = isOut || (outcome.kind === 'stopped' && outcome.settled);
    return isSettled && (await doubt(node)) === undefined;
  }

  return async (context: AttachmentContext, signal: AbortSignal): Promise<Unplugged> => {
    const [message, isSettled] = await Promise.all([
      unplugIfBelieved(context, signal),
      isSettledElsewhere(context, signal),
    ]);
    if (isSettled) return message;
    if (message.type === 'NOT_RUNNING') return { ...message, settled: false };
    const detail = `node '${context.atWork?.host}' has not answered for its plug`;
    const problem = { code: 'UNPLUG_UNKNOWN' as const, detail };
    return { type: 'UNPLUG_FAILED', attempt: context.attempt, problem };
  };
}
