// The one list of what must hold when a site is at rest, whatever happened before.
import { isDeepStrictEqual } from 'node:util';
import { GIB } from '../../../src/lib/gib.ts';
import type { DiskSeen, View } from './view.ts';

/** What a test has brought about itself, and so is no violation. */
export interface Allowed {
  /** A volume that belongs to no disk. */
  readonly leftover?: string;
  /** A disk of whose VM nobody can say whether it is gone. */
  readonly doubt?: string;
}

const OWNER_FILE = '.pdisk-owner';
/** The index of the pool's disks, which the service keeps open. */
export const LABELS_FILE = '.pdisk-disks';
const RESTING = new Set(['available', 'attached', 'hot-attached']);
const DATA_FILES = new Set(['control', 'db', 'head', 'owner', 'pool', 'reserve']);
/** Attachments that are over: they are remembered for a detach call that comes late. */
const OVER = 'unclaimed';

type Violations = Generator<string, void>;

function* ofDisk(disk: DiskSeen, view: View, { doubt }: Allowed): Violations {
  const { uuid, state, attachments, waiting, users, limit } = disk;
  const name = `disk ${uuid}`;
  if (!RESTING.has(state)) yield `${name} is still ${state}`;
  for (const { for: whom } of waiting)
    if (whom !== 'person' || doubt !== uuid) yield `${name} waits for ${whom}`;
  if (users !== attachments.length) yield `${name} has ${users} users and ${attachments.length} attachments`;
  if (users > limit) yield `${name} has ${users} users, its limit is ${limit}`;
  const devices = view.live.filter(one => one.disk === uuid);
  const domains = new Set(devices.map(one => one.domain));
  if (domains.size > limit) yield `${name} is in ${domains.size} domains, its limit is ${limit}`;
  const bytes = view.volumes.get(`${uuid}.raw`);
  if (bytes !== disk.size * GIB) yield `${name} has ${disk.size} GiB, its volume ${bytes ?? 'no'} bytes`;
  for (const one of attachments) {
    if (one.state !== 'attached' && one.state !== 'hot-attached') yield `${name}: ${one.id} is ${one.state}`;
    if (one.doubt && doubt !== uuid) yield `${name}: nobody knows whether VM ${one.vm_id} is gone`;
    if (one.mode === 'hot' && !domains.has(one.domain ?? '') && doubt !== uuid)
      yield `${name} is attached to ${one.vm_id}, whose domain does not show it`;
  }
}

/** Devices of ours agree with records. */
function* ofDevices(view: View): Violations {
  for (const { node, vm, domain, disk, source } of view.live) {
    const record = view.disks.find(({ uuid }) => uuid === disk);
    if (!record?.attachments.some(one => one.domain === domain && one.node === node))
      yield `domain ${vm} on ${node} has disk ${disk}, which no attachment accounts for`;
    if (source !== `${view.pool}/${disk}.raw`) yield `domain ${vm} has disk ${disk} from ${source}`;
  }
  for (const { vm, disk } of view.defined) {
    const record = view.disks.find(({ uuid }) => uuid === disk);
    if (!record?.attachments.some(({ mode }) => mode === 'cold'))
      yield `the definition of ${vm} has disk ${disk}, which is not registered for it`;
  }
}

/** No file without a record. */
function* ofFiles(view: View, { leftover }: Allowed): Violations {
  const known = new Set([OWNER_FILE, LABELS_FILE, ...view.disks.map(({ uuid }) => `${uuid}.raw`)]);
  for (const name of view.volumes.keys())
    if (!known.has(name) && name !== `${leftover}.raw`) yield `the pool has ${name}, which no disk has`;
  for (const name of view.data) if (!DATA_FILES.has(name)) yield `the data folder has ${name}`;
  if (!view.volumes.has(OWNER_FILE)) yield `the pool has no ${OWNER_FILE}`;
}

/** No record that is not seen. */
function* ofCounts({ counts, disks }: View): Violations {
  const expected: Record<string, number> = {};
  for (const { state } of disks) expected[state] = (expected[state] ?? 0) + 1;
  if (!isDeepStrictEqual(expected, { ...counts.disk }))
    yield `the charts count disks ${JSON.stringify(counts.disk)}, the list ${JSON.stringify(expected)}`;
  const { [OVER]: _, ...held } = counts.attachment;
  const attachments = disks.flatMap(disk => disk.attachments);
  const sum = Object.values(held).reduce((total, count) => total + count, 0);
  if (sum !== attachments.length)
    yield `the charts count attachments ${JSON.stringify(held)}, the disks have ${attachments.length}`;
}

function* ofAccounts({ accounts, disks }: View): Violations {
  for (const { name, disks: count, size, quota } of accounts) {
    const own = disks.filter(({ owner }) => owner === name);
    const sizeGiB = own.reduce((sum, disk) => sum + disk.size, 0);
    if (Number(count) !== own.length || Number(size) !== sizeGiB)
      yield `account ${name} counts ${count} disks and ${size} GiB, and has ${own.length} and ${sizeGiB}`;
    if (own.length > Number(quota.disks ?? Infinity) || sizeGiB > Number(quota.size ?? Infinity))
      yield `account ${name} is beyond its quota`;
  }
  for (const { owner, uuid } of disks)
    if (!accounts.some(({ name }) => name === owner)) yield `disk ${uuid} belongs to ${owner}, who is gone`;
}

function* ofSurroundings(view: View, allowed: Allowed): Violations {
  for (const { node, reachable, alarm } of view.nodes) {
    if (!reachable) yield `node ${node} is not reachable`;
    if (alarm !== null) yield `node ${node} has an alarm: ${alarm}`;
  }
  for (const { kind, disk, detail } of view.drift) {
    const isAllowed =
      (kind === 'leftover' && disk === allowed.leftover) ||
      (kind === 'machine-in-doubt' && disk === allowed.doubt);
    if (!isAllowed) yield `drift: ${kind} of ${disk}: ${detail}`;
  }
}

/** What does not hold, a sentence each; empty if all is well. */
export function violations(view: View, allowed: Allowed = {}): string[] {
  return [
    ...view.disks.flatMap(disk => [...ofDisk(disk, view, allowed)]),
    ...ofDevices(view),
    ...ofFiles(view, allowed),
    ...ofCounts(view),
    ...ofAccounts(view),
    ...ofSurroundings(view, allowed),
  ];
}
