import type { z } from 'zod';
import type { Cause, DiskService, Force, VmName } from '../../disks/service.ts';
import { checkInputs, machine, type machineAndForce } from '../description/inputs.ts';
import {
  attach,
  detach,
  hotattach,
  hotdetach,
  libvirtElement,
  showMachine,
} from '../description/operations/attachments.ts';
import { json } from '../http/answer.ts';
import { onMachineKeys } from '../text/details.ts';
import { change, type Route, route } from './route.ts';
import { diskUuid } from './uuid.ts';

const vmOf = ({ node, vm_id }: z.infer<typeof machine>): VmName => ({ node, vmId: vm_id });

/** An administrator's word, if it is given; whoever reads the events later is told it. */
function forced(
  { force, reason }: z.infer<typeof machineAndForce>,
  cause: Cause,
): readonly [Cause, Force | undefined] {
  return force === undefined || reason === undefined
    ? [cause, undefined]
    : [{ ...cause, reason }, { reason }];
}

/** In the documented answers there is no such key. */
const vouchedKey = (vouched: string | undefined) => (vouched === undefined ? {} : { vouched });

/** What an administrator vouched for before a restart, as a sentence. */
const vouchedBefore = ({ reason }: z.infer<typeof machineAndForce>): string | undefined =>
  reason === undefined ? undefined : `this was vouched for: ${reason}`;

/** Attachments: hot, cold, and the element for a launch. */
export const attachmentRoutes = (service: DiskService): readonly Route[] => [
  change(hotattach, {
    async run({ caller, cause, params }, vm) {
      const { target, uuids } = await service.hotattach(caller, diskUuid(params[0]), vmOf(vm), cause);
      return json({ node: vm.node, vm_id: vm.vm_id, target, uuid: uuids });
    },
    async recover({ begun: { subject, target } }, vm) {
      if ((await service.atRest(subject)) !== 'plugged') return undefined;
      return json({ node: vm.node, vm_id: vm.vm_id, target, uuid: service.disksOn(vmOf(vm)) });
    },
  }),

  change(hotdetach, {
    async run({ caller, cause, params }, vm) {
      const uuid = diskUuid(params[0]);
      const { target, uuids, vouched } = await service.hotdetach(
        caller,
        uuid,
        vmOf(vm),
        ...forced(vm, cause),
      );
      return json({ node: vm.node, vm_id: vm.vm_id, target, uuid: uuids, ...vouchedKey(vouched) });
    },
    async recover({ begun: { subject, target } }, vm) {
      if ((await service.atRest(subject)) !== 'gone') return undefined;
      const uuid = service.disksOn(vmOf(vm));
      return json({ node: vm.node, vm_id: vm.vm_id, target, uuid, ...vouchedKey(vouchedBefore(vm)) });
    },
  }),

  change(attach, {
    async run({ caller, cause, params }, vm) {
      const { uuids } = await service.attach(caller, diskUuid(params[0]), vmOf(vm), cause);
      return json({ node: vm.node, vm_id: vm.vm_id, uuid: uuids });
    },
    recover: (_, vm) => json({ node: vm.node, vm_id: vm.vm_id, uuid: service.disksOn(vmOf(vm)) }),
  }),

  change(detach, {
    async run({ caller, cause }, vm) {
      const { uuids, vouched } = await service.detach(caller, vmOf(vm), ...forced(vm, cause));
      return json({ node: vm.node, vm_id: vm.vm_id, uuid: uuids, ...vouchedKey(vouched) });
    },
    recover: ({ begun: { disks } }, vm) =>
      json({ node: vm.node, vm_id: vm.vm_id, uuid: disks, ...vouchedKey(vouchedBefore(vm)) }),
  }),

  route(showMachine, ({ caller, params: [node, vm_id] }) => {
    const vm = checkInputs(machine, { node, vm_id }, 'BAD_INPUT');
    const disks = service.onVm(caller, vmOf(vm));
    return json({ ...vm, disks: disks.map(({ disk, attachment }) => onMachineKeys(disk, attachment)) });
  }),

  route(libvirtElement, async ({ caller, cause, params }, inputs) => {
    const body = await service.element(caller, diskUuid(params[0]), vmOf(inputs), inputs.target, cause);
    return { status: 200, type: 'application/xml', body };
  }),
];
