// The answers of the API in the types of its own schemas. Only types are imported: no code of the service.
import type { z } from 'zod';
import type { ControlMessage, EventMessage } from '../api/description/event-schema.ts';
import type * as outputs from '../api/description/outputs.ts';

/** An item of `GET /api/charts`. */
export type ChartEntry = z.infer<typeof outputs.charts>[number];

export type Disk = z.infer<typeof outputs.disk>;

/** An event of the stream. */
export type Change = EventMessage;

/** A control message of the stream. The disks of a snapshot are as in a list, without the view `full`. */
export interface Control {
  readonly control: ControlMessage['control'];
  readonly disks?: readonly Disk[];
}

/** The answer of `GET /api/disks/:uuid/chart`. */
export type DiskPlace = z.infer<typeof outputs.diskChart>;
export type AttachmentPlace = DiskPlace['attachments'][number];
export type Place = DiskPlace | AttachmentPlace;

/** What a chart would do with an event now. */
export type Finding = Place['events'][number];
