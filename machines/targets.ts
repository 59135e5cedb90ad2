const LETTERS = 'abcdefghijklmnopqrstuvwxyz';

/** The first target from `vd<from>` to `vdz` that is not taken, or null. libvirt's name for a virtio disk, not the guest's. */
export function firstFreeTarget(taken: readonly string[], from: 'a' | 'b' = 'a'): string | null {
  for (const letter of LETTERS.slice(LETTERS.indexOf(from))) {
    if (!taken.includes(`vd${letter}`)) return `vd${letter}`;
  }
  return null;
}
