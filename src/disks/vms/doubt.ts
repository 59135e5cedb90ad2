import type { AttachmentContext } from '../../../machines/attachment-parts.ts';

/**
 * Why it is not known what became of an attachment's VM, so that a person has to decide; `since` in
 * milliseconds since 1970.
 */
export interface Doubt {
  readonly code: string;
  readonly detail: string;
  readonly since: number;
}

/** Whether the VM has left its node, saved or migrated, and has not been found yet. */
export const isAway = ({ seen }: Pick<AttachmentContext, 'seen'>): boolean =>
  seen === 'saved' || seen === 'managed-save' || seen === 'migrated';
