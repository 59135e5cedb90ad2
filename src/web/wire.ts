// What the API answers, by its own schemas: only their types come here.
import type { z } from 'zod';
import type { ControlMessage, EventMessage } from '../api/description/event-schema.ts';
import type * as outputs from '../api/description/outputs.ts';

/** Of `GET /api/machines`. */
export type MachineEntry = z.infer<typeof outputs.machines>[number];

export type Disk = z.infer<typeof outputs.disk>;

/** An event of the stream. */
export type Change = EventMessage;

/** What else is on the stream. The page does not ask for the view `full`, so the disks of a snapshot are as in a list. */
export interface Control {
  readonly control: ControlMessage['control'];
  readonly disks?: readonly Disk[];
}

/** Of `GET /api/disks/:uuid/chart`. */
export type DiskPlace = z.infer<typeof outputs.diskChart>;
export type AttachmentPlace = DiskPlace['attachments'][number];
export type Place = DiskPlace | AttachmentPlace;

/** What a machine would do with an event now. */
export type Finding = Place['events'][number];
