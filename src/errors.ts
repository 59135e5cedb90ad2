import type { Failure, Refusal } from '../machines/reasons.ts';

/** The facts in an error's sentence; `detail` is the text of another program (libvirt, the file system). */
export interface ErrorFacts {
  readonly disk?: string;
  readonly node?: string;
  readonly vm?: string;
  readonly detail?: string;
  /** Whether the caller may confirm the end of a VM or of a node (`force`, `declare-dead`). */
  readonly mayForce?: boolean;
  /** When to try again, in seconds. */
  readonly retryAfterS?: number;
}

interface Entry {
  readonly status: 400 | 401 | 404 | 405 | 412 | 413 | 415 | 422 | 426 | 429 | 500 | 503 | 504 | 507;
  readonly sentence: (facts: ErrorFacts) => string;
}

const because = (detail: string | undefined): string => (detail ? `: ${detail}` : '');
const disk = (facts: ErrorFacts): string => `disk ${facts.disk ?? ''}`.trimEnd();
const vm = (facts: ErrorFacts): string => `VM '${facts.vm ?? ''}' on node '${facts.node ?? ''}'`;

/** What an administrator can do who knows that a VM or its node is gone. */
const wayOut = ({ node = '', mayForce = false }: ErrorFacts): string =>
  mayForce
    ? `; if you know that the VM is gone, send the request again with force=true and a reason, and if its node is: POST /api/nodes/${node}/declare-dead`
    : '';

/** Refusals and failures of the charts. A reason without an entry does not compile. */
const ofTheCharts: Record<Refusal | Failure, Entry> = {
  DISK_UNKNOWN: { status: 400, sentence: f => `no such disk: ${f.disk ?? ''}`.trimEnd() },
  DISK_IN_USE: {
    status: 400,
    sentence: f => `${disk(f)} is in use${because(f.detail)}; detach it from every VM first`,
  },
  DISK_NOT_FAILED: { status: 400, sentence: f => `${disk(f)} has not failed, there is nothing to retry` },
  QUOTA_EXCEEDED: {
    status: 400,
    sentence: f => `this disk is more than the quota of the account allows${because(f.detail)}`,
  },
  DISK_BUSY: { status: 400, sentence: f => `${disk(f)} is being changed; try again when that has ended` },
  DISK_CHANGED: {
    status: 412,
    sentence: f => `${disk(f)} has changed since you saw it (If-Match); look at it again`,
  },
  NOT_LARGER: { status: 422, sentence: f => `${disk(f)} can only be made larger${because(f.detail)}` },
  NO_SPACE: { status: 507, sentence: f => `the pool has no room for this disk${because(f.detail)}` },
  LIMIT_REACHED: {
    status: 400,
    sentence: f => `${disk(f)} has reached its limit of simultaneous users${because(f.detail)}`,
  },
  TOO_MANY_USERS: {
    status: 400,
    sentence: f =>
      `${disk(f)} is registered with too many VMs; release those that are gone with POST /api/detach`,
  },
  TOO_MANY_ON_VM: {
    status: 400,
    sentence: f =>
      `this account has registered too many disks with ${vm(f)}; the cloud's frontend may register more`,
  },
  ALREADY_ATTACHED: { status: 400, sentence: f => `${disk(f)} is already attached to ${vm(f)}` },
  HOT_PLUGGED: { status: 400, sentence: f => `${disk(f)} is hot-plugged to ${vm(f)}` },
  NOT_HOT_PLUGGED: {
    status: 400,
    sentence: f => `${disk(f)} was not hot-plugged to ${vm(f)}: it can be detached when the VM is killed`,
  },
  ATTACH_IN_PROGRESS: {
    status: 400,
    sentence: f => `${disk(f)} is still being attached to ${vm(f)}; try again when that has ended`,
  },
  VM_RUNNING: {
    status: 400,
    sentence: f => `${vm(f)} still runs and holds its disks; kill it first, or use hotdetach`,
  },
  VM_FATE_UNKNOWN: {
    status: 503,
    sentence: f =>
      `it is not known whether ${vm(f)} is gone${because(f.detail)}; nothing was released${wayOut(f)}`,
  },
  ATTACHMENT_UNKNOWN: { status: 400, sentence: f => `${disk(f)} is not attached to ${vm(f)}` },
  LEFTOVER_UNUSABLE: {
    status: 400,
    sentence: f => `the volume of ${disk(f)} ${f.detail ?? 'is not as it was made'}; it is left as it is`,
  },
  NODES_SILENT: {
    status: 503,
    sentence: f =>
      `it is not known whether a VM has ${disk(f)}${because(f.detail)}; nothing was removed: try again when every node answers, or declare dead what will not (POST /api/nodes/:node/declare-dead)`,
  },
  NO_FREE_TARGET: { status: 400, sentence: f => `${vm(f)} has no free target for ${disk(f)} (vda to vdz)` },
  VOLUME_FAILED: {
    status: 500,
    sentence: f => `the volume of ${disk(f)} could not be made${because(f.detail)}`,
  },
  POOL_FULL: {
    status: 507,
    sentence: f => `the pool has no room for ${disk(f)}${because(f.detail)}`,
  },
  POOL_UNAVAILABLE: { status: 503, sentence: f => `the pool cannot be used${because(f.detail)}` },
  POOL_BUSY: {
    status: 503,
    sentence: f =>
      `the pool has too much to do for ${disk(f)}${because(f.detail)}; nothing was begun: try again shortly`,
  },
  CREATE_TIMEOUT: { status: 504, sentence: f => `making ${disk(f)} took too long and was undone` },
  CREATE_INTERRUPTED: {
    status: 503,
    sentence: f => `making ${disk(f)} was interrupted by a restart of pdisk, and undone; make another`,
  },
  CREATE_NOT_UNDONE: {
    status: 500,
    sentence: f =>
      `making ${disk(f)} failed and could not be undone yet${because(f.detail)}; that is tried again, or DELETE it, or POST /api/retry/${f.disk ?? ''}`,
  },
  REMOVE_FAILED: {
    status: 500,
    sentence: f => `the volume of ${disk(f)} could not be removed yet${because(f.detail)}; it is tried again`,
  },
  REMOVE_TIMEOUT: { status: 504, sentence: f => `removing the volume of ${disk(f)} takes long; it goes on` },
  WIPE_FAILED: {
    status: 500,
    sentence: f => `the volume of ${disk(f)} could not be wiped yet${because(f.detail)}; it is tried again`,
  },
  GROW_FAILED: {
    status: 500,
    sentence: f => `${disk(f)} could not be made larger${because(f.detail)}`,
  },
  GROW_TIMEOUT: {
    status: 504,
    sentence: f => `making ${disk(f)} larger takes long${because(f.detail)}; it goes on`,
  },
  NODE_NOT_CONFIGURED: {
    status: 400,
    sentence: f => `node '${f.node ?? ''}' is not configured; see the setting 'nodes'`,
  },
  NODE_UNREACHABLE: {
    status: 503,
    sentence: f => `node '${f.node ?? ''}' cannot be reached${because(f.detail)}${wayOut(f)}`,
  },
  NODE_DECLARED_DEAD: {
    status: 503,
    sentence: f =>
      `node '${f.node ?? ''}' has been declared dead; an administrator takes that back: POST /api/nodes/${f.node ?? ''}/declare-alive`,
  },
  NODE_DOUBTED: {
    status: 503,
    sentence: f =>
      `node '${f.node ?? ''}' is not believed${because(f.detail)}; if that is the right host, an administrator says so: POST /api/nodes/${f.node ?? ''}/agree (a libvirtd without a UUID of its host makes one at each start: set host_uuid in its libvirtd.conf)`,
  },
  VM_UNKNOWN: { status: 400, sentence: f => `no ${vm(f)}${because(f.detail)}` },
  VM_NOT_RUNNING: { status: 400, sentence: f => `${vm(f)} is not running${because(f.detail)}` },
  VM_STOPPED: { status: 400, sentence: f => `${vm(f)} stopped while ${disk(f)} was being attached` },
  NO_PCI_SLOT: {
    status: 400,
    sentence: f => `${vm(f)} has no free PCI slot for ${disk(f)}${because(f.detail)}`,
  },
  IMAGE_LOCKED: {
    status: 400,
    sentence: f =>
      `the volume of ${disk(f)} is locked by a program that pdisk does not know${because(f.detail)}`,
  },
  TARGET_TAKEN: {
    status: 400,
    sentence: f => `the target for ${disk(f)} is taken on ${vm(f)}${because(f.detail)}`,
  },
  PLUG_REFUSED: {
    status: 500,
    sentence: f => `node '${f.node ?? ''}' refused ${disk(f)}${because(f.detail)}`,
  },
  PLUG_UNKNOWN: {
    status: 504,
    sentence: f =>
      `it is not known yet whether ${disk(f)} was plugged into ${vm(f)}${because(f.detail)}; it stays accounted for until it is`,
  },
  GUEST_KEPT_DISK: {
    status: 504,
    sentence: f =>
      `${vm(f)} did not let go of ${disk(f)}${because(f.detail)}; it is still attached: unmount it in the guest and try again`,
  },
  DISK_DIVERTED: {
    status: 400,
    sentence: f =>
      `${vm(f)} writes to something else than the volume of ${disk(f)}${because(f.detail)} (the overlay of a snapshot, or the target of a block copy); detaching it would lose what was written since: bring it back first (virsh blockcommit DOMAIN TARGET --active --pivot)`,
  },
  BLOCK_JOB: {
    status: 503,
    sentence: f =>
      `a backup or block copy is at work on ${disk(f)} of ${vm(f)}${because(f.detail)}; try again when it has ended`,
  },
  DEFINITION_KEEPS_DISK: {
    status: 503,
    sentence: f =>
      `${vm(f)} let go of ${disk(f)}, but its definition on node '${f.node ?? ''}' or on another one holds it and could not be changed${because(f.detail)}; it stays accounted for until it is out of there (virsh detach-device-alias DOMAIN ua-${f.disk ?? ''} --config)`,
  },
  UNPLUG_REFUSED: {
    status: 500,
    sentence: f =>
      `node '${f.node ?? ''}' refused to unplug ${disk(f)}${because(f.detail)}; it is still attached`,
  },
  UNPLUG_UNKNOWN: {
    status: 504,
    sentence: f =>
      `it is not known yet whether ${vm(f)} let go of ${disk(f)}${because(f.detail)}; it stays accounted for until it is${wayOut(f)}`,
  },
};

/** All other errors. */
const ofTheService = {
  UNAUTHENTICATED: { status: 401, sentence: () => 'valid credentials are required' },
  FORBIDDEN: { status: 400, sentence: f => `this account may not do that${because(f.detail)}` },
  HOST_UNKNOWN: {
    status: 400,
    sentence: () => "the Host header names another service; see the setting 'host_names'",
  },
  CROSS_SITE: {
    status: 400,
    sentence: f =>
      `a page of another site may not change anything here${because(f.detail)}; see the setting 'allowed_origins', and behind a proxy let it pass on the header Host, with that name among the 'host_names'`,
  },
  ROUTE_UNKNOWN: { status: 404, sentence: () => 'there is nothing at this URL' },
  METHOD_NOT_ALLOWED: { status: 405, sentence: () => 'this URL does not take that method' },
  BODY_TOO_LARGE: { status: 413, sentence: f => `the request body is too large${because(f.detail)}` },
  MEDIA_TYPE: {
    status: 415,
    sentence: () => 'send application/x-www-form-urlencoded or application/json, in UTF-8',
  },
  WEBSOCKET_VERSION: {
    status: 426,
    sentence: () => 'a WebSocket is opened here with Sec-WebSocket-Version: 13',
  },
  BAD_REQUEST: { status: 400, sentence: f => `the request cannot be understood${because(f.detail)}` },
  BAD_INPUT: { status: 400, sentence: f => `an input is wrong${because(f.detail)}` },
  INVALID_DISK: { status: 422, sentence: f => `there can be no such disk${because(f.detail)}` },
  VM_AMBIGUOUS: { status: 400, sentence: f => `${vm(f)} may mean more than one VM${because(f.detail)}` },
  VM_MIGRATING: {
    status: 503,
    sentence: f => `${vm(f)} is migrating; try again when it has arrived`,
  },
  VM_HAS_NO_DISKS: { status: 400, sentence: f => `${vm(f)} has no disks` },
  TOO_MANY_STREAMS: {
    status: 429,
    sentence: f => `this account has too many event streams open${because(f.detail)}`,
  },
  TOO_MANY_LOGINS: {
    status: 429,
    sentence: () => 'too many logins were wrong or are being checked; try again shortly',
  },
  TOKEN_UNKNOWN: { status: 400, sentence: f => `no such token${because(f.detail)}` },
  TOKEN_LIMIT: { status: 400, sentence: f => `the account has too many tokens${because(f.detail)}` },
  ACCOUNT_UNKNOWN: { status: 400, sentence: f => `no such account${because(f.detail)}` },
  ACCOUNT_OWNS_DISKS: { status: 400, sentence: f => `the account still owns disks${because(f.detail)}` },
  LAST_ADMINISTRATOR: { status: 400, sentence: () => 'the last administrator cannot be removed or demoted' },
  NO_ALARM: { status: 400, sentence: f => `there is no alarm on node '${f.node ?? ''}'` },
  LEFTOVER_UNKNOWN: {
    status: 400,
    sentence: f => `there is no volume ${f.disk ?? ''} that belongs to no disk; see GET /api/leftovers`,
  },
  NODE_UNKNOWN: { status: 400, sentence: f => `no such node: '${f.node ?? ''}'` },
  NODE_ALIVE: {
    status: 400,
    sentence: f =>
      `node '${f.node ?? ''}' answers${because(f.detail)}; only one that is silent can be declared dead`,
  },
  NODE_NOT_DECLARED_DEAD: {
    status: 400,
    sentence: f => `node '${f.node ?? ''}' has not been declared dead`,
  },
  NODE_STILL_HOLDS: {
    status: 400,
    sentence: f =>
      `node '${f.node ?? ''}' still has disks plugged that were released when it was declared dead${because(f.detail)}; they are unplugged there first`,
  },
  INTERNAL: { status: 500, sentence: () => 'something went wrong inside pdisk; the log has the request id' },
  KEY_REUSED: { status: 422, sentence: () => 'this Idempotency-Key was used for another request' },
  KEY_SECRET: {
    status: 400,
    sentence: () => 'this Idempotency-Key has been used, and its answer held a secret that is told only once',
  },
  KEY_PENDING: {
    status: 503,
    sentence: () => 'the first request with this Idempotency-Key is not finished yet; try again shortly',
  },
  BUSY: { status: 503, sentence: () => 'too many requests are at work; try again shortly' },
  STOPPING: { status: 503, sentence: () => 'pdisk is stopping; try again shortly' },
  INTERRUPTED: {
    status: 504,
    sentence: () =>
      'pdisk stops before it is known what comes of this: at its next start a disk that was being made is undone, and all else goes on; look again then',
  },
  STORE_FULL: {
    status: 507,
    sentence: () =>
      "the file system of pdisk's database is full: until there is room again, only what frees some is taken (delete disks, or make room there)",
  },
  STORE_FAILED: {
    status: 503,
    sentence: () => 'the store refused a write: pdisk stops and recovers at its next start',
  },
} satisfies Record<string, Entry>;

const catalogue = { ...ofTheService, ...ofTheCharts };

/** Every stable error code, as sent in X-Error-Code. */
export type ErrorCode = keyof typeof catalogue;

/** The only error type that crosses the borders of rooms; `src/api` makes an answer of it. */
export class PdiskError extends Error {
  override readonly name = 'PdiskError';
  readonly code: ErrorCode;
  readonly status: number;
  /** The sentences that the client gets. */
  readonly messages: readonly string[];
  /** The text of another program, without the sentence around it. */
  readonly detail: string | undefined;
  /** When to try again, in seconds, where that is known. */
  readonly retryAfterS: number | undefined;

  constructor(code: ErrorCode, messages: readonly string[], { detail, retryAfterS }: ErrorFacts = {}) {
    super(messages.join('; '));
    this.code = code;
    this.status = catalogue[code].status;
    this.messages = messages;
    this.detail = detail;
    this.retryAfterS = retryAfterS;
  }
}

/** Any thrown value as a sentence. */
export const sentenceOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

/** The original text of an error, for the `detail` of another one. */
export const reasonOf = (error: unknown): string =>
  (error instanceof PdiskError ? error.detail : undefined) ?? sentenceOf(error);

/** An error with the sentence of the catalogue. */
export function errorOf(code: ErrorCode, facts: ErrorFacts = {}): PdiskError {
  const entry: Entry = catalogue[code];
  return new PdiskError(code, [entry.sentence(facts)], facts);
}

/** All codes of the catalogue. */
export const errorCodes = Object.keys(catalogue) as ErrorCode[];

/** Whether there is such a code: an old record may have one that has been removed. */
export const isErrorCode = (code: string): code is ErrorCode => code in catalogue;
