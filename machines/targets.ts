const LETTERS = 'abcdefghijklmnopqrstuvwxyz';

/**
 * The first target from `vd<from>` to `vdz` that is not taken; null: all are. A target is libvirt's name of a
 * virtio disk; the guest may use another.
 */
export function firstFreeTarget(taken: readonly string[], from: 'a' | 'b' = 'a'): string | null {
  for (const letter of LETTERS.slice(LETTERS.indexOf(from))) {
    if (!taken.includes(`vd${letter}`)) return `vd${letter}`;
  }
  return null;
}
