import type { AttachmentContext } from '../../../machines/attachment-parts.ts';
import type { DiskContext } from '../../../machines/disk-parts.ts';

/** What tells two contexts of a disk apart in a walk: all that guards read of it. */
export function diskKeyOf(context: unknown): unknown {
  const { users, undo, attempt, limit, deadline, sizeGiB, grownFrom, wiped, failures, repeatable } =
    context as DiskContext;
  const ids = users.map(({ attachment }) => attachment);
  return [
    // The ids of these three users matter, since events name them; of the others only the mode does.
    users.map(({ mode }) => mode).sort(),
    ['a', 'd', 'g'].map(id => ids.includes(id)),
    undo?.code,
    Math.min(attempt, 3),
    limit,
    deadline === null,
    Math.min(sizeGiB, 4),
    grownFrom,
    wiped,
    failures > 0,
    repeatable,
  ];
}

/** The same for an attachment. */
export function attachmentKeyOf(context: unknown): unknown {
  const { mode, undo, atWork, seen, attempt, target, vm, run, doubt } = context as AttachmentContext;
  const place = [vm.node, vm.domain, run === null, seen, atWork?.node];
  return [mode, undo, Math.min(attempt, 3), target !== null, place, doubt !== null];
}
