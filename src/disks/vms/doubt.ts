import type { AttachmentContext } from '../../../machines/attachment-parts.ts';

/** Why it is not known what became of an attachment's machine, and that a person must say; `since` in milliseconds since 1970. */
export interface Doubt {
  readonly code: string;
  readonly detail: string;
  readonly since: number;
}

/** Whether its machine has left the node, and nobody has found it yet. */
export const isAway = ({ seen }: Pick<AttachmentContext, 'seen'>): boolean =>
  seen === 'saved' || seen === 'managed-save' || seen === 'migrated';
