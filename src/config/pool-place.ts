/** Where volumes live. */
export type PoolPlace =
  | { readonly kind: 'file'; readonly directory: string }
  | { readonly kind: 'lvm'; readonly vg: string; readonly thinPool: string | undefined };

/** Control characters would not survive the attribute of libvirt's disk XML that the path is put into. */
const FILE = /^file:([^\p{Cc}]+)$/u;
/** What LVM takes for a name (lvm(8), VALID NAMES). */
const LVM = /^lvm:([a-zA-Z0-9+_.][a-zA-Z0-9+_.-]*)(?:\/([a-zA-Z0-9+_.][a-zA-Z0-9+_.-]*))?$/;

/** The place that the setting `pool` names, as it is written; undefined where it names none. */
export function parsePool(setting: string): PoolPlace | undefined {
  const directory = FILE.exec(setting)?.[1];
  if (directory !== undefined) return { kind: 'file', directory };
  const [, vg, thinPool] = LVM.exec(setting) ?? [];
  return vg === undefined ? undefined : { kind: 'lvm', vg, thinPool };
}
