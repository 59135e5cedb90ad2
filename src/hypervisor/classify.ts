// libvirt's codes are coarse: what QEMU or the PCI allocator says comes as INTERNAL with a text, so there the text decides.
// Those of QEMU are never translated; those of libvirt follow the daemon's language, and unmatched ones are plain refusals.
import type { Failure } from '../../machines/reasons.ts';
import { ERROR } from '../libvirt/constants.ts';
import type { LibvirtError } from '../libvirt/errors.ts';

const NO_SLOT =
  /No more available PCI (slots|addresses)|No PCI buses available|does not support hotplugging/i;
const LOCKED = /Failed to get (shared )?"[a-z-]+" lock|Is another process using the image/i;

/** Why libvirt refused to attach a device. */
export function classifyPlugRefusal({ code, message }: LibvirtError): Failure {
  if (code === ERROR.NO_DOMAIN) return 'VM_UNKNOWN';
  if (code === ERROR.OPERATION_INVALID) return 'VM_NOT_RUNNING';
  if (code === ERROR.XML && /target '.*' duplicated/i.test(message)) return 'TARGET_TAKEN';
  if (NO_SLOT.test(message)) return 'NO_PCI_SLOT';
  if (LOCKED.test(message)) return 'IMAGE_LOCKED';
  return 'PLUG_REFUSED';
}

/** Whether libvirt says, by the words of its different versions, that the domain has no such device. */
export function isDeviceMissing({ code, message }: LibvirtError): boolean {
  return (
    code === ERROR.DEVICE_MISSING || (code === ERROR.INTERNAL && /no device found with alias/i.test(message))
  );
}

/**
 * Whether a refusal to unplug will pass by itself: QEMU still waits for the guest's answer to the last request, or another
 * job holds the domain.
 */
export function isUnplugPending({ code, message }: LibvirtError): boolean {
  return (
    code === ERROR.OPERATION_TIMEOUT || (code === ERROR.INTERNAL && /in the process of unplug/i.test(message))
  );
}

/** Whether libvirt says that a backup, a block copy or the like is at work on a disk: that passes by itself. */
export const isBlockJob = ({ message }: LibvirtError): boolean =>
  /active block job|in use by block job|Device '.*' is in use/i.test(message);
