import type { z } from 'zod';
import type { Cause, DiskService, Force, VmName } from '../../disks/service.ts';
import { checkInputs, type vmAndForce, vmName } from '../description/inputs.ts';
import {
  attach,
  detach,
  hotattach,
  hotdetach,
  libvirtElement,
  listAttachments,
  showVm,
} from '../description/operations/attachments.ts';
import { json } from '../http/answer.ts';
import { attachmentOnVmKeys } from '../text/details.ts';
import { listedAttachmentKeys } from '../text/why.ts';
import { positionText } from './attachment-choice.ts';
import { cut, nextLink } from './paging.ts';
import { change, type Route, route } from './route.ts';
import { diskUuid } from './uuid.ts';

const vmOf = ({ node, vm_id }: z.infer<typeof vmName>): VmName => ({ node, vmId: vm_id });

/** What an administrator states by `force` and `reason`, if given. The events show the reason. */
function forced(
  { force, reason }: z.infer<typeof vmAndForce>,
  cause: Cause,
): readonly [Cause, Force | undefined] {
  return force === undefined || reason === undefined
    ? [cause, undefined]
    : [{ ...cause, reason }, { reason }];
}

/** The key is left out where there is no value, as in the documented answers. */
const vouchedKey = (vouched: string | undefined) => (vouched === undefined ? {} : { vouched });

/** What an administrator vouched for, as a sentence, in the answer after a restart. */
const vouchedBefore = ({ reason }: z.infer<typeof vmAndForce>): string | undefined =>
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

  route(listAttachments, ({ caller, head }, { limit, ...choice }) => {
    // One more than the page shows tells whether others follow.
    const { shown, last } = cut(service.attachments(caller, { ...choice, most: limit + 1 }), limit);
    const next = last && { Link: nextLink(head, positionText(last.attachment)) };
    return json(shown.map(listedAttachmentKeys), 200, next);
  }),

  route(showVm, ({ caller, params: [node, vm_id] }) => {
    const vm = checkInputs(vmName, { node, vm_id }, 'BAD_INPUT');
    const disks = service.onVm(caller, vmOf(vm));
    return json({ ...vm, disks: disks.map(({ disk, attachment }) => attachmentOnVmKeys(disk, attachment)) });
  }),

  route(libvirtElement, async ({ caller, cause, params }, inputs) => {
    const body = await service.element(caller, diskUuid(params[0]), vmOf(inputs), inputs.target, cause);
    return { status: 200, type: 'application/xml', body };
  }),
];
