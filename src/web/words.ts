import type { AttachmentMessage } from '../../machines/attachment-events.ts';
import type { DiskMessage } from '../../machines/disk-events.ts';
import type { AttachmentPlace, Change, Finding } from './wire.ts';

/** The states in which a disk is gone for its users: the chart's tag `gone`. */
export const goneStates: ReadonlySet<string> = new Set(['wiping', 'deleted']);

/** What people call what they ask for. */
export const asked: Readonly<Partial<Record<(DiskMessage | AttachmentMessage)['type'], string>>> = {
  CREATE: 'Create it',
  EDIT: 'Change its tag or its visibility',
  ADOPT: 'Make the volume a disk again',
  DISCARD: 'Remove the volume',
  HOTATTACH: 'Plug it into a running machine',
  ATTACH: 'Register a machine that is yet to be launched',
  GROW: 'Make it larger',
  SET_LIMIT: 'Change how many machines may use it at once',
  DELETE: 'Delete it',
  RETRY: 'Try its creation again',
  HOTDETACH: 'Unplug it',
  DETACH: 'Release it from the machine',
  PROMISE: 'Get its element for the machine to be launched',
};

export const wordsFor = ({ event, given }: Finding): string =>
  [asked[event as keyof typeof asked] ?? event, given].filter(text => text !== '').join(', ');

export const time = (instant: string): string => new Date(instant).toLocaleString();

export const nameOf = ({ node, vm_id, mode }: AttachmentPlace): string =>
  vm_id === null ? `a machine (${mode})` : `machine ${vm_id} on ${node}`;

/** A change as a sentence. */
export function sentenceOf({ type, data }: Change): string {
  const { attachment, from, to } = data;
  const machine = attachment?.vm_id ? ` to machine ${attachment.vm_id} on ${attachment.node}` : '';
  const who = attachment ? `Attachment${machine}` : 'Disk';
  const path = from === to ? `stays ${to}` : from === null ? `begins as ${to}` : `${from} → ${to}`;
  return `${who}: ${path} (${type})`;
}

/** Why a change happened. */
export const causeOf = ({ data: { cause } }: Change): string =>
  [cause.kind, cause.account && `by ${cause.account}`, cause.request && `request ${cause.request}`]
    .filter(text => text !== undefined)
    .join(', ');
