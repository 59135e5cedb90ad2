import type { z } from 'zod';
import type { DiskService, VmName } from '../disks/service.ts';
import { json } from './answer.ts';
import type { machine } from './inputs.ts';
import { attach, detach, hotattach, hotdetach, libvirtElement } from './operations/attachments.ts';
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

  route(libvirtElement, async ({ caller, cause, params }, inputs) => {
    const body = await service.element(caller, diskUuid(params[0]), vmOf(inputs), inputs.target, cause);
    return { status: 200, type: 'application/xml', body };
  }),
];
