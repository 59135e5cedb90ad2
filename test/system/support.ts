import type { ExecutionContext } from 'ava';
import type { Libvirtd } from '../rig/libvirtd.ts';
import { leftOver } from '../rig/nothing-left.ts';
import type { Reply, Service } from '../rig/service.ts';

/** The inputs that name a machine. */
export const on = (vm: string, node = 'onehost-1') => ({ form: { node, vm_id: vm } });

export const refusal = ({ status, headers }: Reply): [number, string | null] => [
  status,
  headers.get('x-error-code'),
];

/** The disk's serial as libvirt has it; the guest's `disk` command takes it. */
export const serialOf = (uuid: string): string => uuid.replaceAll('-', '');

/** The line with which a guest tells of the disk: it sees 20 characters of the serial. */
export const diskUp = (uuid: string): RegExp =>
  new RegExp(`DISK-UP \\S+ serial=${serialOf(uuid).slice(0, 20)}`);

/** What every test ends with: no disk in the service, no file in its pool, no device of ours in any domain. */
export async function nothingIsLeft(
  t: ExecutionContext,
  service: Service,
  libvirtd: Libvirtd,
): Promise<void> {
  t.deepEqual(await leftOver({ pool: service.pool, libvirtds: [libvirtd] }), []);
  t.deepEqual((await service.call('GET', '/api/disks')).body, []);
}

/** How many machines use the disk, as the service says. */
export async function usersOf(service: Service, uuid: string): Promise<string> {
  return ((await service.call('GET', `/api/disks/${uuid}`)).body as { users: string }).users;
}
