// Our volumes are plain: what an administrator made of one (cached, mirrored, converted, the origin of a snapshot) has its bytes in more
// places than we would wipe, and what he put beside it is his. Such a volume is left alone, and told.

/** What LVM says of the kind of a logical volume (lvs(8)). */
export interface Kind {
  /** The volume's thin pool, or its cache. */
  readonly pool_lv: string;
  /** `lv_layout`: what it is made of. */
  readonly layout: readonly string[];
  /** `lv_role`: what it is for. */
  readonly role: readonly string[];
}

const THICK = new Set(['linear', 'striped']);
const THIN = new Set(['thin', 'sparse']);
/** Thin volumes share blocks with their snapshots without copying any: each may go by itself. */
const THIN_ROLES = new Set(['thinorigin', 'multithinorigin', 'snapshot', 'thinsnapshot', 'origin']);

/** Why a volume under the name of one of ours is left as it is, for an error's sentence; undefined: it is as we made it. */
export function obstacleOf(
  { pool_lv, layout, role }: Kind,
  thinPool: string | undefined,
): string | undefined {
  if (role.includes('thickorigin')) return 'has a snapshot, into which its bytes would be copied';
  const usual = thinPool === undefined ? THICK : THIN;
  if (layout.length === 0 || !layout.every(word => usual.has(word))) {
    return `has been made into something else (${layout.join(',')})`;
  }
  if (pool_lv !== (thinPool ?? '')) return `is in the pool ${pool_lv}`;
  const other = role.filter(word => word !== 'public' && !(thinPool !== undefined && THIN_ROLES.has(word)));
  if (other.length > 0) return `is used for something else (${role.join(',')})`;
  return undefined;
}
