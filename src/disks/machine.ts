import { attachmentKey } from '../../machines/notes.ts';
import type { Vm } from '../../machines/vm.ts';
import { isHeld } from './records.ts';
import type { Shelf } from './shelf.ts';
import type { Delivery } from './step.ts';

/** The target letters that a machine's attachments have reserved or been promised. */
export const takenTargets = (shelf: Shelf, vm: Vm): string[] =>
  shelf.attachmentsOf(vm).flatMap(one => (isHeld(one) && one.context.target) || []);

/** A machine that uses a disk again has been started anew: its earlier death can no longer be claimed by a detach. */
export const forgetDeaths = (shelf: Shelf, vm: Vm): Delivery[] =>
  shelf
    .attachmentsOf({ ...vm, domain: null })
    .filter(one => !isHeld(one))
    .map(one => ({ to: attachmentKey(one.context.id), event: { type: 'FORGET' } }));
