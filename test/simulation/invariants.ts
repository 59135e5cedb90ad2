// What must be true in every moment, whatever the process of the service believes or whether there is one.
import { GIB } from '../../src/lib/gib.ts';
import type { Hosts, Vm } from '../disks/support/hosts.ts';
import { NODES } from '../disks/support/hosts.ts';
import type { DurableRecords } from './durable.ts';
import type { Volume, VolumePlace } from './pool.ts';

/** The VMs that have each disk, by the live domains of all hosts. */
export function holdersIn({ hosts, vms }: Hosts): Map<string, Set<Vm>> {
  const holders = new Map<string, Set<Vm>>();
  for (const vm of vms) {
    for (const node of NODES) {
      const domain = hosts[node].fake.vms.known(vm.uuid);
      if (!domain || domain.disks.length === 0 || isIdle(vm, node, domain.imagesFree)) continue;
      for (const { alias } of domain.disks) {
        const disk = alias.slice(3);
        const set = holders.get(disk);
        if (set) set.add(vm);
        else holders.set(disk, new Set([vm]));
      }
    }
  }
  return holders;
}

/** Whether this copy of a migrating VM uses no image: see `createHosts`. */
function isIdle({ migration: move }: Vm, node: string, imagesFree: boolean): boolean {
  if (!move) return false;
  return node === move.to ? imagesFree : node === move.from && move.migration.phase === 'landed';
}

/**
 * No device without a record, and no more users in the hypervisor than the limit. A VM that was registered
 * counts on top: registering records a fact that the frontend has made.
 */
export function deviceViolations(holders: ReadonlyMap<string, Set<Vm>>, records: DurableRecords): string[] {
  const wrong: string[] = [];
  for (const [disk, vms] of holders) {
    const users = records.users(disk);
    let hot = 0;
    for (const vm of vms) {
      const own = users.filter(({ context: { vm: user } }) =>
        user.domain === null ? user.names.includes(vm.name) : user.domain === vm.uuid,
      );
      if (own.length === 0) wrong.push(`${vm.name} has disk ${disk} without a record`);
      if (!own.some(({ context }) => context.mode === 'cold')) hot += 1;
    }
    const limit = records.disk(disk)?.context.limit ?? 0;
    if (hot > limit) {
      const names = [...vms].map(({ name }) => name).join(' and ');
      wrong.push(`disk ${disk} is in ${names}, limit ${limit}`);
    }
  }
  return wrong;
}

/** What clients were told of disks, and what they have asked for. */
export interface Acknowledged {
  /** The size in GiB of each disk that exists, as far as clients know. */
  readonly sizes: Map<string, number>;
  /** How many requests to delete a disk were not refused, or not yet. */
  readonly deletions: Map<string, number>;
}

/** Nothing acknowledged is lost: each such disk has its record, and a volume that is complete. */
export function lossesIn(
  { sizes, deletions }: Acknowledged,
  records: DurableRecords,
  { volumes }: VolumePlace,
): string[] {
  const wrong: string[] = [];
  for (const [uuid, sizeGiB] of sizes) {
    if ((deletions.get(uuid) ?? 0) > 0) continue;
    const record = records.known(uuid);
    const volume = volumes.get(uuid);
    if (!record) wrong.push(`disk ${uuid} was acknowledged, and its record is lost`);
    else if (record.context.sizeGiB < sizeGiB) wrong.push(`disk ${uuid} is smaller than was acknowledged`);
    if (!volume?.complete) wrong.push(`disk ${uuid} was acknowledged, and its volume is lost`);
    else if (volume.bytes < sizeGiB * GIB)
      wrong.push(`the volume of disk ${uuid} is smaller than acknowledged`);
  }
  return wrong;
}

/**
 * Notes that VMs may write to the volumes that they have. None of these may be wiped already: what is written
 * after it would stay.
 */
export function noteWriters(holders: ReadonlyMap<string, unknown>, { volumes }: VolumePlace): string[] {
  const wrong: string[] = [];
  for (const disk of holders.keys()) {
    const volume = volumes.get(disk);
    if (!volume) continue;
    if (volume.wiped > 0) wrong.push(`the volume of disk ${disk} was wiped while a VM has it`);
    volume.written = Math.max(volume.written, volume.bytes);
  }
  return wrong;
}

/** What VMs have written is wiped before the volume is removed, where the pool wipes. */
export function remainsOf(uuid: string, { written, wiped }: Volume): string[] {
  if (wiped >= written) return [];
  return [`the volume of disk ${uuid} was removed with ${wiped} of ${written} bytes wiped`];
}
