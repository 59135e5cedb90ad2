import type { AttachmentMessage } from './attachment-events.ts';
import type { DiskMessage } from './disk-events.ts';

/** How the request of an effect may end, as types of events for the chart that made it. */
interface Results<Type extends string> {
  /** It is done. */
  readonly done: readonly Type[];
  /** It is certain that it is not done, and will not be. */
  readonly refused: readonly Type[];
  /** It may have been done, or may still be done later. */
  readonly unknown: readonly Type[];
}

/** The results of the disk chart's effects. */
export const diskResults = {
  createVolume: { done: ['VOLUME_CREATED'], refused: ['VOLUME_FAILED', 'NOT_BEGUN'], unknown: [] },
  resizeVolume: { done: ['RESIZED'], refused: ['NOT_RESIZED'], unknown: ['RESIZE_PENDING'] },
  wipeVolume: { done: ['WIPED'], refused: ['WIPE_FAILED'], unknown: [] },
  deleteVolume: { done: ['VOLUME_DELETED'], refused: ['REMOVE_FAILED'], unknown: [] },
} as const satisfies Readonly<Record<string, Results<DiskMessage['type']>>>;

/** The results of the attachment chart's effects. */
export const attachmentResults = {
  plug: { done: ['PLUGGED'], refused: ['PLUG_REFUSED'], unknown: ['PLUG_UNKNOWN'] },
  unplug: { done: ['UNPLUGGED'], refused: ['KEPT', 'UNPLUG_FAILED'], unknown: ['NOT_RUNNING'] },
} as const satisfies Readonly<Record<string, Results<AttachmentMessage['type']>>>;

/** The name of an effect of the disk chart. */
export type DiskEffect = keyof typeof diskResults;
/** The name of an effect of the attachment chart. */
export type AttachmentEffect = keyof typeof attachmentResults;

type TypesIn<Ends extends Results<string>> = Ends[keyof Results<string>][number];

/** The events with which this effect of the disk chart may end. */
export type DiskResult<Effect extends DiskEffect> = DiskMessage & {
  type: TypesIn<(typeof diskResults)[Effect]>;
};
/** The events with which this effect of the attachment chart may end. */
export type AttachmentResult<Effect extends AttachmentEffect> = AttachmentMessage & {
  type: TypesIn<(typeof attachmentResults)[Effect]>;
};
