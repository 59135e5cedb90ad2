/** The place of the volumes: a directory, or a volume group with or without a thin pool. */
export type PoolPlace =
  | { readonly kind: 'file'; readonly directory: string }
  | { readonly kind: 'lvm'; readonly vg: string; readonly thinPool: string | undefined };

/**
 * Without control characters: they would not survive in the attribute of libvirt's disk XML that holds the
 * path.
 */
const FILE = /^file:([^\p{Cc}]+)$/u;
/** Valid names of LVM (lvm(8), VALID NAMES). */
const LVM = /^lvm:([a-zA-Z0-9+_.][a-zA-Z0-9+_.-]*)(?:\/([a-zA-Z0-9+_.][a-zA-Z0-9+_.-]*))?$/;

/** Parses the setting `pool`; undefined where the text is no pool. The directory may be relative. */
export function parsePool(setting: string): PoolPlace | undefined {
  const directory = FILE.exec(setting)?.[1];
  if (directory !== undefined) return { kind: 'file', directory };
  const [, vg, thinPool] = LVM.exec(setting) ?? [];
  return vg === undefined ? undefined : { kind: 'lvm', vg, thinPool };
}
