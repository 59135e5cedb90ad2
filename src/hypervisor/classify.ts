// libvirt's error codes are coarse: errors of QEMU and of the PCI allocator all have the code INTERNAL, so
// their message decides. QEMU's messages are never translated. libvirt's are in the language of the daemon; a
// message that matches nothing here counts as a plain refusal.
import type { Failure } from '../../machines/reasons.ts';
import { ERROR } from '../libvirt/constants.ts';
import type { LibvirtError } from '../libvirt/errors.ts';

const NO_SLOT =
  /No more available PCI (slots|addresses)|No PCI buses available|does not support hotplugging/i;
/** What libvirt answers when QEMU has ended while it carried out a request. */
const QEMU_ENDED =
  /Unable to (?:read from|write to) monitor|closed the monitor|End of file from qemu monitor/i;
const LOCKED = /Failed to get (shared )?"[a-z-]+" lock|Is another process using the image/i;

/** The failure code for libvirt's refusal to attach a device. */
export function classifyPlugRefusal({ code, message }: LibvirtError): Failure {
  if (code === ERROR.NO_DOMAIN) return 'VM_UNKNOWN';
  if (QEMU_ENDED.test(message)) return 'VM_STOPPED';
  if (code === ERROR.OPERATION_INVALID) return 'VM_NOT_RUNNING';
  if (code === ERROR.XML && /target '.*' duplicated/i.test(message)) return 'TARGET_TAKEN';
  if (NO_SLOT.test(message)) return 'NO_PCI_SLOT';
  if (LOCKED.test(message)) return 'IMAGE_LOCKED';
  return 'PLUG_REFUSED';
}

/** Whether the domain has no such device. Older libvirt versions say so only in the message. */
export function isDeviceMissing({ code, message }: LibvirtError): boolean {
  return (
    code === ERROR.DEVICE_MISSING || (code === ERROR.INTERNAL && /no device found with alias/i.test(message))
  );
}

/**
 * Whether QEMU still waits for the guest's answer to the previous request to unplug. QEMU before 8.1 waits for
 * ever where the guest has lost that request, as one does that boots.
 */
export const isUnanswered = ({ code, message }: LibvirtError): boolean =>
  code === ERROR.INTERNAL && /in the process of unplug/i.test(message);

/** Whether a refusal to unplug is temporary: it is unanswered, or another libvirt job holds the domain. */
export const isUnplugPending = (error: LibvirtError): boolean =>
  error.code === ERROR.OPERATION_TIMEOUT || isUnanswered(error);

/** Whether a block job (a backup, a block copy) works on the disk. Such a job ends by itself. */
export const isBlockJob = ({ message }: LibvirtError): boolean =>
  /active block job|in use by block job|Device '.*' is in use/i.test(message);
