// Records as older versions of pdisk have written them, one for each change of their shape.

const disk = 'eb198dec-3560-4a9a-b3b4-5f043410a3dd';
const vm = { host: 'n1', node: 'qemu:///system', names: ['42', 'one-42'], domain: null };
const away = { ...vm, domain: '1f7a9a0e-6d21-4b0c-a3ff-1a1d6f4a7f10' };

const diskContext = {
  uuid: disk,
  owner: 'alice',
  tag: 'mail',
  visibility: 'private',
  sizeGiB: 8,
  limit: 1,
  created: 1_750_000_000_000,
  users: [{ attachment: 'V1StGXR8_Z5jdHi6B-myT', vm, mode: 'hot' }],
  attempt: 1,
  deadline: null,
  undo: null,
};

const attachmentContext = {
  id: 'V1StGXR8_Z5jdHi6B-myT',
  disk,
  node: 'n1',
  vmId: '42',
  vm,
  by: 'alice',
  mode: 'hot',
  target: 'vda',
  shareable: false,
  since: 1_750_000_100_000,
  attempt: 1,
  deadline: null,
  undo: false,
};

const second = { run: null, seen: 'running', doubt: null, diverted: null };

/** The oldest disks: before resizing, wiping and repeatable requests. */
export const firstDisk = { v: 1, state: 'hot-attached', context: diskContext };

/** A disk of version 1 that has some of the fields that came later. */
export const growingDisk = {
  v: 1,
  state: 'growing',
  context: { ...diskContext, grownFrom: 4, failures: 2, deadline: 1_750_000_200_000 },
};

/** An attachment of version 1 whose VM had been saved. */
export const firstAttachment = {
  v: 1,
  state: 'hot-attached',
  context: { ...attachmentContext, vm: away, away: true },
};

/** An attachment of version 1 whose plug was being undone. */
export const firstUndone = {
  v: 1,
  state: 'detaching',
  context: { ...attachmentContext, undo: true, away: false, deadline: 1_750_000_200_000 },
};

/** An attachment of version 2 whose plug was being undone, before it was stored where it may be at work. */
export const secondUndone = {
  v: 2,
  state: 'detaching',
  context: { ...attachmentContext, ...second, undo: true, deadline: 1_750_000_200_000 },
};

/** An attachment of version 2 whose plug was at work on the node where the VM was before. */
export const secondAtWork = {
  v: 2,
  state: 'detaching',
  context: { ...secondUndone.context, atWork: { host: 'n2', node: 'qemu+tcp://n2/system' } },
};

/** A node of version 1, before nodes could be declared dead. */
export const firstNode = { v: 1, name: 'n1', hostUuid: '44454c4c-3700-1056-8031-b7c04f333532' };

/** The entry of an Idempotency-Key, before requests with passwords could have one. */
export const firstKey = {
  v: 1,
  account: 'alice',
  key: 'k-1',
  fingerprint: 'x',
  time: 1_750_000_000_000,
  begun: null,
  answer: { status: 201, type: 'application/json', body: '{}', headers: {} },
};
