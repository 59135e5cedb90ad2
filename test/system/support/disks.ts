import type { ExecutionContext } from 'ava';
import type { Libvirtd } from '../../../testkit/libvirtd.ts';
import { leftOver } from '../../../testkit/nothing-left.ts';
import type { Reply, Service } from '../../../testkit/service.ts';

/** The inputs that name a VM. */
export const on = (vm: string, node = 'onehost-1') => ({ form: { node, vm_id: vm } });

/** The status and the error code of an answer, to compare refusals. */
export const refusal = ({ status, headers }: Reply): [number, string | null] => [
  status,
  headers.get('x-error-code'),
];

/** The disk's serial in libvirt, which the guest's `disk` command takes. */
export const serialOf = (uuid: string): string => uuid.replaceAll('-', '');

/** Matches the line with which a guest reports the disk: it sees 20 characters of the serial. */
export const diskUp = (uuid: string): RegExp =>
  new RegExp(`DISK-UP \\S+ serial=${serialOf(uuid).slice(0, 20)}`);

/**
 * The check that every test ends with: no disk in the service, no file in its pool, no device of ours in any
 * domain.
 */
export async function nothingIsLeft(
  t: ExecutionContext,
  service: Service,
  libvirtd: Libvirtd,
): Promise<void> {
  t.deepEqual(await leftOver({ pool: service.pool, libvirtds: [libvirtd] }), []);
  t.deepEqual((await service.call('GET', '/api/disks')).body, []);
}

/** How many VMs use the disk, as the service says. */
export async function usersOf(service: Service, uuid: string): Promise<string> {
  return ((await service.call('GET', `/api/disks/${uuid}`)).body as { users: string }).users;
}
