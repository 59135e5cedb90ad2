import type { z } from 'zod';
import type { DiskService, VmName } from '../disks/service.ts';
import { json } from './answer.ts';
import { onMachineKeys } from './details.ts';
import { checkInputs, machine } from './inputs.ts';
import {
  attach,
  detach,
  hotattach,
  hotdetach,
  libvirtElement,
  showMachine,
} from './operations/attachments.ts';
import { type Route, route } from './route.ts';
import { diskUuid } from './uuid.ts';

const vmOf = ({ node, vm_id }: z.infer<typeof machine>): VmName => ({ node, vmId: vm_id });

/** Attachments: hot, cold, and the element for a launch. */
export const attachmentRoutes = (service: DiskService): readonly Route[] => [
  route(hotattach, async ({ caller, cause, params }, vm) => {
    const { target, uuids } = await service.hotattach(caller, diskUuid(params[0]), vmOf(vm), cause);
    return json({ node: vm.node, vm_id: vm.vm_id, target, uuid: uuids });
  }),

  route(hotdetach, async ({ caller, cause, params }, vm) => {
    const { target, uuids } = await service.hotdetach(caller, diskUuid(params[0]), vmOf(vm), cause);
    return json({ node: vm.node, vm_id: vm.vm_id, target, uuid: uuids });
  }),

  route(attach, async ({ caller, cause, params }, vm) => {
    const { uuids } = await service.attach(caller, diskUuid(params[0]), vmOf(vm), cause);
    return json({ node: vm.node, vm_id: vm.vm_id, uuid: uuids });
  }),

  route(detach, async ({ caller, cause }, vm) => {
    const { uuids } = await service.detach(caller, vmOf(vm), cause);
    return json({ node: vm.node, vm_id: vm.vm_id, uuid: uuids });
  }),

  route(showMachine, ({ caller, params: [node, vm_id] }) => {
    const vm = checkInputs(machine, { node, vm_id }, 'BAD_INPUT');
    const disks = service.onMachine(caller, vmOf(vm));
    return json({ ...vm, disks: disks.map(({ disk, attachment }) => onMachineKeys(disk, attachment)) });
  }),

  route(libvirtElement, async ({ caller, cause, params }, inputs) => {
    const body = await service.element(caller, diskUuid(params[0]), vmOf(inputs), inputs.target, cause);
    return { status: 200, type: 'application/xml', body };
  }),
];
