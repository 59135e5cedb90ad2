import { attachmentKey } from '../../../machines/notes.ts';
import type { Caller } from '../../accounts/caller.ts';
import { type Party, partyOf } from '../../charts/parties.ts';
import { errorOf } from '../../errors.ts';
import type { Hypervisor } from '../../hypervisor/hypervisor.ts';
import type { RecordIndex } from '../records/record-index.ts';
import { isHeld, type StoredAttachment } from '../records/records.ts';
import type { ExplainService, NodeWhy, WaitingOnNode, Way } from '../service.ts';
import { attachmentDetails } from '../services/details.ts';
import { maySeeUse, runsTheCloud } from '../services/rights.ts';
import type { Hosts } from '../vms/hosts.ts';
import { type NodeBook, type NodeFacts, nodeSentences } from './node-facts.ts';
import { timeText } from './times.ts';
import { waySentence, whomToAsk } from './way-sentence.ts';

/** How many waiting attachments of a node are named. */
const MAX_WAITING = 100;

/** What the explanation of a node needs. */
export interface NodeWhyParts {
  readonly committed: Pick<RecordIndex, 'attachmentsOn' | 'disk'>;
  readonly waitSince: (key: string) => number | undefined;
  readonly hypervisor: Pick<Hypervisor, 'nodeKey' | 'namesOf' | 'status'>;
  readonly hosts: Pick<Hosts, 'isKnown'>;
  readonly nodes: NodeBook;
}

/** A request about a node, which only administrators may send. */
interface Action {
  readonly request: string;
  readonly inputs: Readonly<Record<string, string>>;
  readonly when: string | null;
  readonly frees: boolean;
  /** What it does, for a sentence; it leads to no state of a chart. */
  readonly effect: string;
}

/** What an administrator can do about a node now. */
function actionsOn({ host, reachable, alarm, declaredDead }: NodeFacts): Action[] {
  const path = `POST /api/nodes/${host}`;
  return [
    ...(alarm === null
      ? []
      : [
          {
            request: `${path}/agree`,
            inputs: {},
            when: 'if its reports are right',
            frees: false,
            effect: 'the alarm ends, and its reports count',
          },
        ]),
    ...(reachable || declaredDead !== null
      ? []
      : [
          {
            request: `${path}/declare-dead`,
            inputs: { reason: 'why you know that' },
            when: 'if you know that it and its VMs are gone for good',
            frees: true,
            effect: 'the disks that are attached there are released',
          },
        ]),
    ...(reachable && declaredDead !== null
      ? [
          {
            request: `${path}/declare-alive`,
            inputs: {},
            when: null,
            frees: false,
            effect: 'it can be used again',
          },
        ]
      : []),
  ];
}

function wayOf(caller: Caller, { request, inputs, when, frees, effect }: Action): Way {
  const allowed = caller.role === 'admin';
  const who = allowed ? null : whomToAsk(['admin'], { owner: null, by: null });
  return {
    attachment: null,
    request: allowed ? request : null,
    inputs: allowed ? inputs : null,
    by: ['admin'],
    allowed,
    when,
    frees,
    leadsTo: effect,
    sentence: waySentence({ request, inputs, when, who, effect }),
  };
}

/** Explains one node. Reads only; nothing is asked of the node. */
export function explainNodes(parts: NodeWhyParts): ExplainService['node'] {
  const { committed, hypervisor, hosts, nodes } = parts;

  /** The key of a node. Callers who do not run the cloud know only the nodes that GET /api/nodes lists. */
  function known(caller: Caller, node: string): string {
    const key = hypervisor.nodeKey(node);
    const isListed = hypervisor.status().some(status => status.node === key);
    if (!isListed && !(runsTheCloud(caller) && hosts.isKnown(key))) throw errorOf('NODE_UNKNOWN', { node });
    return key;
  }

  function waitingOn(one: StoredAttachment): WaitingOnNode[] {
    const party: Party | null = partyOf(one);
    if (party === null) return [];
    const { id, disk, deadline: until, doubt } = one.context;
    const since = party === 'person' ? doubt?.since : parts.waitSince(attachmentKey(id));
    const waiting = { for: party, attachment: id, since: since ?? null, until };
    return [{ disk, attachment: attachmentDetails(one, true), waiting }];
  }

  return (caller, name): NodeWhy => {
    const facts = nodes.of(known(caller, name));
    const whole = runsTheCloud(caller);
    const there = committed.attachmentsOn(facts.node).filter(one => {
      const disk = committed.disk(one.context.disk);
      return isHeld(one) && (whole || (disk !== undefined && maySeeUse(caller, disk, one)));
    });
    const waiting = there.flatMap(waitingOn).sort((a, b) => (a.waiting.since ?? 0) - (b.waiting.since ?? 0));
    const shown = waiting.slice(0, MAX_WAITING);
    const others = waiting.length - shown.length;
    const ways = whole ? actionsOn(facts).map(action => wayOf(caller, action)) : [];
    const { node, host, reachable, since, error, alarm, declaredDead } = facts;
    return {
      node: host,
      names: hypervisor.namesOf(node),
      reachable,
      since,
      operation: whole ? { error, alarm, declaredDead } : null,
      attachments: there.length,
      waiting: shown,
      others,
      ways,
      sentences: [
        ...nodeSentences(facts, whole),
        `Attachments to VMs of this node${whole ? '' : ' that this account may see'}: ${there.length}; those that wait: ${waiting.length}.`,
        ...shown.map(waitSentence),
        ...(others > 0 ? [`${others} more wait.`] : []),
        ...(reachable || whole ? [] : ['Ask an administrator about it.']),
        ...ways.map(({ sentence }) => sentence),
      ],
    };
  };
}

const awaited: Readonly<Record<Party, string>> = {
  pool: 'for the pool',
  node: 'to be plugged',
  guest: 'to be let go of',
  person: 'for a person to say whether the VM is gone',
};

function waitSentence({ disk, attachment, waiting }: WaitingOnNode): string {
  const vm = attachment.onVm ? ` of VM '${attachment.onVm.vmId}'` : '';
  const since = waiting.since === null ? '' : ` since ${timeText(waiting.since)}`;
  const until = waiting.until === null ? '' : `, until ${timeText(waiting.until)}`;
  return `Disk ${disk}${vm} waits ${awaited[waiting.for]}${since}${until}.`;
}
