import type { AttachmentMessage } from '../../machines/attachment-events.ts';
import type { DiskMessage } from '../../machines/disk-events.ts';
import type { Refusal } from '../../machines/reasons.ts';
import { DISK, nowhere, running } from './support/events.ts';
import { hotattach, refused } from './support/play.ts';
import { test } from './support/rule.ts';
import {
  attach,
  attachments,
  creation,
  deletion,
  disks,
  growth,
  problem,
  stateOf,
} from './support/states.ts';

type Refused<Message> = readonly [message: Message, code: Refusal, detail?: string];
type RefusedIn<Names extends string, Message> = {
  readonly [Name in Names]?: readonly Refused<Message>[];
};

const targets = [...'abcdefghijklmnopqrstuvwxyz'].map(letter => `vd${letter}`);
const holder = "domain 'one-9' on node 'n' has it";
const discard = { type: 'DISCARD' as const, uuid: DISK, sizeGiB: 1, wipe: true, obstacle: null };
const setLimit = { type: 'SET_LIMIT' as const, limit: 3 };
const edit = { type: 'EDIT' as const, tag: 'new', stale: false };
const retry = { type: 'RETRY' as const };

const unusable = [hotattach('2'), attach('2'), setLimit, growth, edit].map(
  (message): Refused<DiskMessage> => [message, 'DISK_UNKNOWN'],
);
const unknown: readonly Refused<DiskMessage>[] = [
  ...unusable,
  [deletion, 'DISK_UNKNOWN'],
  [retry, 'DISK_UNKNOWN'],
];
const notPluggable: readonly Refused<DiskMessage>[] = [
  [{ ...hotattach('2'), isThere: true }, 'ALREADY_ATTACHED'],
  [{ ...hotattach('2'), nodeIsDead: true }, 'NODE_DECLARED_DEAD'],
  [{ ...hotattach('2'), holder }, 'DISK_IN_USE', holder],
  [{ ...hotattach('2'), taken: targets }, 'NO_FREE_TARGET'],
];
const notGrowing: readonly Refused<DiskMessage>[] = [
  [{ ...growth, sizeGiB: 1 }, 'NOT_LARGER'],
  [{ ...growth, attaching: true }, 'DISK_BUSY'],
  [{ ...growth, quotaGiB: 1 }, 'QUOTA_EXCEEDED'],
  [{ ...growth, roomGiB: 1 }, 'NO_SPACE'],
];
const changed: readonly Refused<DiskMessage>[] = [
  [{ ...edit, stale: true }, 'DISK_CHANGED'],
  [{ ...deletion, stale: true }, 'DISK_CHANGED'],
];
const used: readonly Refused<DiskMessage>[] = [
  ...notPluggable,
  ...notGrowing,
  ...changed,
  [{ ...hotattach('2'), attachments: ['1'] }, 'ALREADY_ATTACHED'],
  [{ ...attach('2'), disksLeft: 0 }, 'TOO_MANY_ON_VM'],
  [setLimit, 'DISK_IN_USE'],
  [deletion, 'DISK_IN_USE'],
  [retry, 'DISK_NOT_FAILED'],
];

const diskRefusals: RefusedIn<keyof typeof disks, DiskMessage> = {
  new: [
    [{ ...creation, quotaLeft: { disks: 0, sizeGiB: 1 } }, 'QUOTA_EXCEEDED'],
    [{ ...creation, quotaLeft: { disks: 1, sizeGiB: 0 } }, 'QUOTA_EXCEEDED'],
    [{ ...creation, roomGiB: 0 }, 'NO_SPACE'],
    [{ ...discard, holders: [holder], unseen: [] }, 'DISK_IN_USE'],
    [{ ...discard, holders: [], unseen: ['n2'] }, 'NODES_SILENT'],
  ],
  creating: unknown,
  available: [
    ...notPluggable,
    ...notGrowing,
    ...changed,
    [{ ...attach('2'), disksLeft: 0 }, 'TOO_MANY_ON_VM'],
    [{ ...deletion, holder }, 'DISK_IN_USE', holder],
    [retry, 'DISK_NOT_FAILED'],
  ],
  attached: used,
  'hot-attached': [...used, [{ ...attach('2'), attachments: ['1'] }, 'HOT_PLUGGED']],
  growing: [
    ...changed,
    [hotattach('2'), 'DISK_BUSY'],
    [{ ...attach('2'), disksLeft: 0 }, 'TOO_MANY_ON_VM'],
    [setLimit, 'DISK_BUSY'],
    [growth, 'DISK_BUSY'],
    [deletion, 'DISK_BUSY'],
    [retry, 'DISK_NOT_FAILED'],
  ],
  'growing, plugged': [[{ ...attach('2'), attachments: ['1'] }, 'HOT_PLUGGED']],
  wiping: unknown,
  deleting: unknown,
  failed: [...unusable, [{ ...deletion, stale: true }, 'DISK_CHANGED']],
};

const hotdetach = { type: 'HOTDETACH' as const };
const detach = {
  type: 'DETACH' as const,
  found: nowhere(),
  alarm: null,
  authority: 'frontend' as const,
  held: [] as string[],
};
const promise = { type: 'PROMISE' as const, target: null, taken: [] as string[] };
const inUse = { ...detach, found: running(), authority: 'administrator' as const, held: [DISK] };
const forcedInUse = { ...hotdetach, forced: inUse };
const silent = "node 'two' cannot be reached";
const inDoubt = { ...detach, found: nowhere({ silent: [silent] }) };

const attachmentRefusals: RefusedIn<keyof typeof attachments, AttachmentMessage> = {
  attaching: [
    [hotdetach, 'ATTACH_IN_PROGRESS'],
    [detach, 'ATTACH_IN_PROGRESS'],
  ],
  attached: [
    [hotdetach, 'NOT_HOT_PLUGGED'],
    [{ ...promise, target: 'vdc', taken: ['vdc'] }, 'TARGET_TAKEN'],
    [{ ...promise, taken: targets }, 'NO_FREE_TARGET'],
    [inUse, 'VM_RUNNING'],
    [inDoubt, 'VM_FATE_UNKNOWN', silent],
  ],
  'attached, not seen yet': [[inUse, 'VM_RUNNING']],
  'hot-attached': [
    [forcedInUse, 'VM_RUNNING'],
    [inUse, 'VM_RUNNING'],
    [inDoubt, 'VM_FATE_UNKNOWN', silent],
    [promise, 'HOT_PLUGGED'],
  ],
  detaching: [
    [forcedInUse, 'VM_RUNNING'],
    [inUse, 'VM_RUNNING'],
    [inDoubt, 'VM_FATE_UNKNOWN', silent],
    [promise, 'HOT_PLUGGED'],
  ],
  'detaching, taken back': [
    // The plug may still be carried out in the present run.
    [{ ...detach, found: running({ disks: [] }), held: [] }, 'ATTACH_IN_PROGRESS'],
    [inDoubt, 'VM_FATE_UNKNOWN', silent],
  ],
};

/** Groups messages that are refused with the same code, by type and code. */
function alike<Message extends { type: string }>(refusals: readonly Refused<Message>[]) {
  const groups = new Map<string, Refused<Message>[]>();
  for (const refusal of refusals) {
    const title = `${refusal[0].type} with ${refusal[1]}`;
    groups.set(title, [...(groups.get(title) ?? []), refusal]);
  }
  return groups;
}

const notesOf = (code: Refusal, detail: string | undefined) =>
  detail === undefined ? refused(code) : [{ refuse: { code, detail } }];

for (const [name, refusals] of Object.entries(diskRefusals)) {
  for (const [title, group] of alike(refusals)) {
    test(`a disk that is ${name} refuses ${title} and does not change`, t => {
      for (const [message, code, detail] of group) {
        const disk = disks[name as keyof typeof disks]();
        const before = disk.context();
        t.deepEqual(disk.send(message), { state: stateOf(name), notes: notesOf(code, detail) });
        t.is(disk.context(), before);
      }
    });
  }
}

for (const [name, refusals] of Object.entries(attachmentRefusals)) {
  for (const [title, group] of alike(refusals)) {
    test(`an attachment that is ${name} refuses ${title} and does not change`, t => {
      for (const [message, code, detail] of group) {
        const attachment = attachments[name as keyof typeof attachments]();
        const before = attachment.context();
        t.deepEqual(attachment.send(message), { state: stateOf(name), notes: notesOf(code, detail) });
        t.is(attachment.context(), before);
      }
    });
  }
}

test('a disk whose resize has failed once is not deleted while it has users or a domain has it', t => {
  for (const [name, holder, code] of [
    ['growing, plugged', null, 'DISK_IN_USE'],
    ['growing, registered', null, 'DISK_IN_USE'],
    ['growing', 'domain one-9 has it', 'DISK_IN_USE'],
  ] as const) {
    const disk = disks[name]();
    disk.send({ type: 'RESIZE_PENDING', attempt: disk.context().attempt, problem });
    const { state, notes } = disk.send({ ...deletion, holder });
    t.is(state, 'growing');
    t.deepEqual(notes, [{ refuse: holder === null ? { code } : { code, detail: holder } }]);
  }
});

test('registrations are bounded in every state of a disk that has users', t => {
  for (const name of ['attached', 'hot-attached', 'growing, registered', 'growing, plugged'] as const) {
    const disk = disks[name]();
    disk.send(attach('2'));
    t.deepEqual(disk.send({ ...attach('3'), mostUsers: 2 }).notes, refused('TOO_MANY_USERS'), name);
    t.is(disk.context().users.length, 2, name);
    disk.send({ ...attach('3'), mostUsers: 3 });
    t.is(disk.context().users.length, 3, name);
  }
});
