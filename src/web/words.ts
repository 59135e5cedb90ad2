import type { AttachmentMessage } from '../../machines/attachment-events.ts';
import type { DiskMessage } from '../../machines/disk-events.ts';
import type { AttachmentPlace, Change, Finding } from './wire.ts';

/** The states in which a disk is gone for its users: those with the tag `gone` in the chart. */
export const goneStates: ReadonlySet<string> = new Set(['wiping', 'deleted']);

/** The requests in words. */
export const asked: Readonly<Partial<Record<(DiskMessage | AttachmentMessage)['type'], string>>> = {
  CREATE: 'Create it',
  EDIT: 'Change its tag or its visibility',
  ADOPT: 'Make the volume a disk again',
  DISCARD: 'Remove the volume',
  HOTATTACH: 'Plug it into a running VM',
  ATTACH: 'Register a VM that is yet to be launched',
  RESIZE: 'Make it larger',
  SET_LIMIT: 'Change how many VMs may use it at once',
  DELETE: 'Delete it',
  RETRY: 'Try its creation again',
  HOTDETACH: 'Unplug it',
  DETACH: 'Release it from the VM',
  PROMISE: 'Get its element for the VM to be launched',
};

/** An event in words, with what is assumed about it. */
export const wordsFor = ({ event, given }: Finding): string =>
  [asked[event as keyof typeof asked] ?? event, given].filter(text => text !== '').join(', ');

/** An RFC 3339 time in the form of the reader's language and time zone. */
export const time = (instant: string): string => new Date(instant).toLocaleString();

/** The VM of an attachment in words. */
export const nameOf = ({ node, vm_id, mode }: AttachmentPlace): string =>
  vm_id === null ? `a VM (${mode})` : `VM ${vm_id} on ${node}`;

/** A change as a sentence. */
export function sentenceOf({ type, data }: Change): string {
  const { attachment, from, to } = data;
  const vm = attachment?.vm_id ? ` to VM ${attachment.vm_id} on ${attachment.node}` : '';
  const who = attachment ? `Attachment${vm}` : 'Disk';
  const path = from === to ? `stays ${to}` : from === null ? `begins as ${to}` : `${from} → ${to}`;
  return `${who}: ${path} (${type})`;
}

/** Why a change happened. */
export const causeOf = ({ data: { cause } }: Change): string =>
  [cause.kind, cause.account && `by ${cause.account}`, cause.request && `request ${cause.request}`]
    .filter(text => text !== undefined)
    .join(', ');
