// Finds every difference between records, pool and live domains. Nothing is repaired here: each difference
// names its repair.

import { sameVm } from '../../../machines/vm.ts';
import { isHeld, type StoredAttachment } from '../records/records.ts';
import type { NodeView } from '../service.ts';
import type { Definition, DefinitionBook } from '../vms/definitions.ts';
import { type Doubt, isAway } from '../vms/doubt.ts';
import type { Holder, Holders } from '../vms/holders.ts';
import type { DriftKind } from './drift-kinds.ts';
import type { VolumeDifferences } from './volumes.ts';

/** One difference. A field that does not apply is null. */
export interface Difference {
  readonly kind: DriftKind;
  /** Disk UUID. */
  readonly disk: string | null;
  /** The name by which the node is known. */
  readonly node: string | null;
  /** The VM: the domain's name, or the name that the caller gave. */
  readonly vm: string | null;
  /** The domain's UUID. */
  readonly domain: string | null;
  /**
   * Since when the difference exists, in milliseconds since 1970. Null: not known; then it counts from its
   * first sighting.
   */
  readonly since: number | null;
  readonly detail: string;
  /** What repairs it: a request or a command. Null: pdisk repairs it by itself. */
  readonly repair: string | null;
}

/** What is compared. */
export interface Truths {
  readonly attachments: readonly StoredAttachment[];
  readonly holders: Pick<Holders, 'all' | 'unseen'>;
  readonly definitions: Pick<DefinitionBook, 'all'>;
  readonly volumes: VolumeDifferences;
  /** Why the pool could not be listed; undefined: it was listed. */
  readonly poolUnseen: string | undefined;
  readonly nodes: readonly NodeView[];
  /** The canonical key of a node by its name. */
  readonly keyOf: (name: string) => string;
  /** The name of a node by its canonical key. */
  readonly nameOf: (key: string) => string;
}

const about = { disk: null, node: null, vm: null, domain: null, since: null, repair: null };

const many = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

/** The form fields of a request about this VM, as part of a sentence. */
const formFields = (node: string, vm: string): string => `node=${node} and vm_id=${vm}`;

function* ofHolder(holder: Holder, attachments: readonly StoredAttachment[]): Generator<Difference> {
  const { disk, host: node, domain, target, by, source } = holder;
  const where = { disk, node, vm: domain.name, domain: domain.uuid };
  const vm = { host: node, node: holder.node, names: [domain.name], domain: domain.uuid };
  const repaired = by === 'alias' ? null : `POST /api/attach/${disk} with ${formFields(node, domain.name)}`;
  if (!attachments.some(({ context }) => context.disk === disk && sameVm(context.vm, vm))) {
    const detail = `the live domain has it as ${target} (seen by its ${by}), and no attachment accounts for it`;
    yield { ...about, kind: 'unrecorded-use', ...where, detail, repair: repaired };
  }
  if (holder.diverted) {
    const detail = `what the VM writes goes to ${source} and not to the disk's volume`;
    const repair = `merge it into the volume on the node: virsh blockcommit ${domain.name} ${target} --active --pivot`;
    yield { ...about, kind: 'diverted-source', ...where, detail, repair };
  }
}

function* ofDefinition(
  { disk, node, host, domain }: Definition,
  attachments: readonly StoredAttachment[],
): Generator<Difference> {
  const vm = { host, node, names: [domain.name], domain: domain.uuid };
  const accounting = attachments.filter(({ context }) => context.disk === disk && sameVm(context.vm, vm));
  if (accounting.some(({ context }) => context.mode === 'cold')) return;
  const takenOut = `virsh detach-device-alias ${domain.name} ua-${disk} --config`;
  const isHot = accounting.length > 0;
  const detail = isHot
    ? 'the definition of its VM has it, although it was hot-plugged, and could not be changed yet'
    : 'the definition has it, and no attachment accounts for it: the next start takes it, whoever has it by then';
  const repair = isHot
    ? null
    : `POST /api/attach/${disk} with ${formFields(host, domain.name)}, or ${takenOut}`;
  yield {
    ...about,
    kind: 'definition-keeps',
    disk,
    node: host,
    vm: domain.name,
    domain: domain.uuid,
    detail,
    repair,
  };
}

function* ofAttachment({ context }: StoredAttachment, doubt: Doubt | null): Generator<Difference> {
  const { disk, node, vmId, vm, since: attached } = context;
  const where = { disk, node: vm.host, vm: vmId, domain: vm.domain };
  const repair = `POST /api/detach with ${formFields(node, vmId)}, once the VM is gone for good`;
  if (doubt) {
    const forced = `${repair}; where that is refused, with force=true and a reason`;
    yield {
      ...about,
      kind: 'machine-in-doubt',
      ...where,
      since: doubt.since,
      detail: doubt.detail,
      repair: forced,
    };
  }
  if (isAway(context)) {
    const detail = `attached ${new Date(attached).toISOString()}; its VM has left the node, saved to a file or by migration`;
    yield { ...about, kind: 'machine-away', ...where, detail, repair };
  }
}

function* ofPool({ leftovers, lost, strangers }: VolumeDifferences): Generator<Difference> {
  for (const { uuid: disk, since, bytes } of leftovers.values()) {
    const detail = `a volume of ${bytes} bytes belongs to no disk; it is kept until an administrator decides`;
    const repair = `POST /api/leftovers/${disk}/adopt, or POST /api/leftovers/${disk}/remove`;
    yield { ...about, kind: 'leftover', disk, since, detail, repair };
  }
  for (const disk of lost) {
    const repair = `put it back into the pool, or DELETE /api/disks/${disk}`;
    yield { ...about, kind: 'volume-lost', disk, detail: 'the disk has no volume in the pool', repair };
  }
  for (const { name, uuid: disk } of strangers) {
    // The detail is the identity of this difference, so it must not contain the size: an overlay grows.
    const detail = `${name} is not the disk's volume`;
    const repair = 'look at it, and remove it from the pool by hand';
    yield { ...about, kind: 'stranger', disk, detail, repair };
  }
}

/** The differences of a node with this number of attachments. */
function* ofNode(view: NodeView, count: number, unseen: string | undefined): Generator<Difference> {
  const { node, since, operation } = view;
  const path = `POST /api/nodes/${node}`;
  const there = `${many(count, 'attachment')} there`;
  const dead = operation?.declaredDead;
  if (operation?.alarm) {
    yield {
      ...about,
      kind: 'node-alarm',
      node,
      detail: `${operation.alarm}; ${there}`,
      repair: `${path}/agree`,
    };
  }
  if (dead && count > 0) {
    const detail = `${dead.by} declared it dead (${dead.reason}); ${there}`;
    yield { ...about, kind: 'node-dead', node, since: dead.since, detail, repair: `${path}/declare-alive` };
  }
  const why = unseen ?? (view.reachable || count === 0 ? undefined : (operation?.error ?? 'no connection'));
  if (why !== undefined && !dead) {
    const repair = `${path}/declare-dead, if it will not come back`;
    const known = view.reachable ? null : since;
    yield { ...about, kind: 'node-silent', node, since: known, detail: `${why}; ${there}`, repair };
  }
}

function* ofNodes({ nodes, attachments, holders, keyOf, nameOf }: Truths): Generator<Difference> {
  const counts = new Map<string, number>();
  const hot = new Map<string, string>();
  for (const { context } of attachments) {
    const { node, host } = context.vm;
    counts.set(node, (counts.get(node) ?? 0) + 1);
    if (context.mode === 'hot') hot.set(node, host);
  }
  const unseen = holders.unseen();
  const viewed = new Set<string>();
  for (const view of nodes) {
    const key = keyOf(view.node);
    viewed.add(key);
    yield* ofNode(view, counts.get(key) ?? 0, unseen.get(key));
  }
  for (const key of new Set([...unseen.keys(), ...hot.keys()])) {
    if (viewed.has(key)) continue;
    const node = hot.get(key) ?? nameOf(key);
    const why = unseen.get(key) ?? 'it is not configured, or not linked';
    const detail = `${why}; ${many(counts.get(key) ?? 0, 'attachment')} there`;
    const repair = `POST /api/nodes/${node}/declare-dead, if it will not come back`;
    yield { ...about, kind: 'node-silent', node, detail, repair };
  }
}

/** All differences, grouped by kind. */
export function* differencesOf(truths: Truths): Generator<Difference, undefined> {
  const held = truths.attachments.filter(isHeld);
  const byDisk = new Map<string, StoredAttachment[]>();
  for (const one of held) {
    const others = byDisk.get(one.context.disk);
    if (others) others.push(one);
    else byDisk.set(one.context.disk, [one]);
  }
  for (const holder of truths.holders.all()) yield* ofHolder(holder, byDisk.get(holder.disk) ?? []);
  for (const one of truths.definitions.all()) yield* ofDefinition(one, byDisk.get(one.disk) ?? []);
  for (const one of held) yield* ofAttachment(one, one.context.doubt);
  yield* ofPool(truths.volumes);
  yield* ofNodes({ ...truths, attachments: held });
  if (truths.poolUnseen !== undefined) yield { ...about, kind: 'pool-unseen', detail: truths.poolUnseen };
}
