import { attachmentMachine } from '../../../machines/attachment.ts';
import type { AttachmentMessage, DetachFacts } from '../../../machines/attachment-events.ts';
import type { Timeouts } from '../../../machines/stamp.ts';
import type { Authority, VmLocation } from '../../../machines/vm-location.ts';
import type { Caller } from '../../accounts/caller.ts';
import { explainEvents } from '../../charts/explain-event.ts';
import { statesWith } from '../../charts/states.ts';
import type { RecordIndex } from '../records/record-index.ts';
import type { StoredAttachment, StoredDisk } from '../records/records.ts';
import type { Way, WayParty } from '../service.ts';
import { mayDetach, maySeeUse, mayUnplug, runsTheCloud } from '../services/rights.ts';
import type { Holders } from '../vms/holders.ts';
import { attachmentThen } from './attachment-phrases.ts';
import type { NodeBook } from './node-facts.ts';
import { type Names, waySentence, whomToAsk } from './way-sentence.ts';

const gone: ReadonlySet<string> = statesWith(attachmentMachine, 'gone');

const ENDED = 'when the end of the VM has been seen';
const REASON = 'why you know that';

/** A request as it could be sent now, and who may send it. */
interface Attempt {
  readonly request: string | null;
  readonly inputs: Readonly<Record<string, string>>;
  readonly event: AttachmentMessage;
  readonly when: string | null;
  readonly by: readonly WayParty[];
  readonly allowed: boolean;
}

/** Finds what would free a disk of a VM, by asking the attachment's chart. */
export interface Ways {
  of(caller: Caller, disk: StoredDisk, attachment: StoredAttachment): readonly Way[];
}

/** Reads records and what is known of hosts; nothing is asked of a node. */
export function createWays(parts: {
  readonly committed: Pick<RecordIndex, 'attachmentsOf' | 'disk'>;
  readonly holders: Pick<Holders, 'of'>;
  readonly nodes: NodeBook;
  readonly now: () => number;
  readonly time: () => number;
  readonly timeouts: Timeouts;
}): Ways {
  const { committed, holders, nodes } = parts;

  /** Where the VM is, by the last looks at the nodes that answer. */
  function foundNow({ context }: StoredAttachment, without?: string): VmLocation {
    const { vm, disk, run, seen, doubt } = context;
    const holder = holders
      .of(disk)
      .find(({ node, domain }) =>
        vm.domain === null
          ? node === vm.node && vm.names.includes(domain.name)
          : domain.uuid === vm.domain && node !== without,
      );
    const here = run ?? { host: '', id: -1 };
    const home = nodes.of(vm.node);
    if (holder && nodes.of(holder.node).reachable) {
      const at = { ...vm, node: holder.node, host: holder.host, domain: holder.domain.uuid };
      const homeIsSilent = holder.node !== vm.node && !home.reachable;
      return { at: 'running', vm: at, run: here, disks: [disk], homeIsSilent, defined: [] };
    }
    // A plug is confirmed in the live domain, and an answering node would have reported what came after it.
    if (vm.domain !== null && seen === 'running' && doubt === null && home.reachable)
      return { at: 'running', vm, run: here, disks: [disk], homeIsSilent: false, defined: [] };
    if (seen === 'managed-save') return { at: 'saved' };
    if (seen === 'switching') return { at: 'moving', node: vm.node };
    const silent = nodes.silent().filter(({ node }) => node !== without);
    return {
      at: 'nowhere',
      silent: silent.map(({ host }) => `node '${host}' does not answer`),
      unread: silent.map(({ node }) => node),
      end: null,
      over: seen === 'ended',
      defined: [],
    };
  }

  /** Where the VM will be when its end has been seen. */
  function endSeen({ context: { vm, run } }: StoredAttachment): VmLocation {
    const end = { how: 'destroyed', node: vm.node, host: run?.host ?? '', watched: run?.id ?? 0 } as const;
    return { at: 'nowhere', silent: [], unread: [], end, over: true, defined: [] };
  }

  function factsOf(attachment: StoredAttachment, found: VmLocation, authority: Authority): DetachFacts {
    const { disk, vm } = attachment.context;
    const held = found.at === 'running' ? [disk] : [];
    return { found, held, alarm: nodes.of(vm.node).alarm, authority };
  }

  function attemptsOf(caller: Caller, disk: StoredDisk, attachment: StoredAttachment): readonly Attempt[] {
    const { disk: uuid, node, vmId: vm_id, vm } = attachment.context;
    const inputs = { node, vm_id };
    const hotdetach = { request: `POST /api/hotdetach/${uuid}`, inputs };
    const detach = { request: 'POST /api/detach', inputs };
    const all = committed.attachmentsOf(vm);
    const disks = all.map(one => committed.disk(one.context.disk));
    const isAdmin = caller.role === 'admin';
    const anybody = { by: ['owner', 'account', 'service', 'admin'], when: null } as const;
    const cloud = { by: ['service', 'admin'], when: null } as const;
    const forced = { by: ['admin'], when: 'if you know that the VM is gone', allowed: isAdmin } as const;
    const confirmed = { ...inputs, force: 'true', reason: REASON };
    const found = foundNow(attachment);
    const facts = (authority: Authority, at = found) => factsOf(attachment, at, authority);
    const maySayGone = mayDetach(caller, all, disks);
    const runsIt = runsTheCloud(caller);
    const { reachable, declaredDead, host } = nodes.of(vm.node);
    const isSilent = !reachable && declaredDead === null;
    const DETACH = 'DETACH' as const;
    return [
      {
        ...hotdetach,
        ...anybody,
        event: { type: 'HOTDETACH' },
        allowed: mayUnplug(caller, disk, attachment),
      },
      { ...detach, ...anybody, event: { type: DETACH, ...facts('nobody') }, allowed: maySayGone },
      { ...detach, ...cloud, event: { type: DETACH, ...facts('frontend') }, allowed: runsIt },
      {
        ...detach,
        ...anybody,
        event: { type: DETACH, ...facts('nobody', endSeen(attachment)) },
        when: ENDED,
        allowed: maySayGone,
      },
      {
        request: null,
        inputs: {},
        by: [],
        event: { type: 'FOUND', found: endSeen(attachment), alarm: nodes.of(vm.node).alarm },
        when: ENDED,
        allowed: true,
      },
      {
        ...hotdetach,
        ...forced,
        inputs: confirmed,
        event: { type: 'HOTDETACH', forced: facts('administrator') },
      },
      { ...detach, ...forced, inputs: confirmed, event: { type: DETACH, ...facts('administrator') } },
      ...(isSilent
        ? [
            {
              request: `POST /api/nodes/${host}/declare-dead`,
              inputs: { reason: REASON },
              by: ['admin'] as const,
              event: {
                type: 'NODE_DEAD' as const,
                node: vm.node,
                found: foundNow(attachment, vm.node),
                alarm: null,
              },
              when: 'if you know that the node and its VMs are gone for good',
              allowed: isAdmin,
            },
          ]
        : []),
    ];
  }

  return {
    of(caller, disk, attachment) {
      const { state, context } = attachment;
      const stamp = { now: parts.now(), time: parts.time(), timeouts: parts.timeouts };
      const attempts = attemptsOf(caller, disk, attachment);
      const probes = attempts.map(({ request, event }) => ({
        given: '',
        vm: null,
        request,
        event: { ...event, ...stamp },
      }));
      const findings = explainEvents(attachmentMachine, attachment, probes);
      const open: (Attempt & { readonly to: string })[] = [];
      for (const [index, { to }] of findings.entries()) {
        const attempt = attempts[index];
        // What leaves the attachment where it is frees nothing.
        if (!attempt || to === null || to === state || isNeedless(attempt, open)) continue;
        open.push({ ...attempt, to });
      }
      const names: Names = {
        owner: disk.context.owner,
        by: maySeeUse(caller, disk, attachment) ? context.by : null,
      };
      return open.map(attempt => wayOf(attempt, context.id, names));
    },
  };
}

/**
 * Whether a gentler way is open already: force is the last resort where nothing else frees the disk at once,
 * and the same request is not named twice to one who may send it.
 */
function isNeedless(attempt: Attempt, open: readonly (Attempt & { readonly to: string })[]): boolean {
  if (attempt.inputs.force === undefined) {
    const same = open.filter(one => one.request !== null && one.request === attempt.request);
    return same.some(one => one.allowed || !attempt.allowed);
  }
  return open.some(one => one.inputs.force !== undefined || (one.when === null && gone.has(one.to)));
}

/** A way as the caller sees it: who may not send the request is told whom to ask. */
function wayOf(attempt: Attempt & { readonly to: string }, attachment: string, names: Names): Way {
  const { request, inputs, by, allowed, when, to } = attempt;
  const shown = allowed && request !== null;
  const effect = attachmentThen[to as keyof typeof attachmentThen];
  const who = allowed ? null : whomToAsk(by, names);
  return {
    attachment,
    request: shown ? request : null,
    inputs: shown ? inputs : null,
    by,
    allowed,
    when,
    frees: gone.has(to),
    leadsTo: to,
    sentence: waySentence({ request, inputs, when, who, effect }),
  };
}
