// Our volumes are plain: what an administrator made of one (cached, mirrored, converted, the origin of a snapshot) has its bytes in more
// places than we would wipe, and what he put beside it is his. Such a volume is left alone, and told.
import { nameOf } from './naming.ts';

/** What LVM says of the kind of a logical volume (lvs(8)). */
export interface Kind {
  /** The volume's thin pool, or its cache. */
  readonly pool: string;
  /** `lv_layout`: what it is made of. */
  readonly layout: readonly string[];
  /** `lv_role`: what it is for. */
  readonly role: readonly string[];
}

const isAmong = (words: readonly string[], ...sets: readonly string[][]): boolean =>
  sets.some(set => set.length === words.length && set.every(word => words.includes(word)));

/** Why a volume under the name of one of ours is left as it is, for an error's sentence; undefined: it is as we made it. */
export function obstacleOf({ pool, layout, role }: Kind, thinPool: string | undefined): string | undefined {
  // Thin volumes share blocks with their snapshots, and copy none: each may go by itself.
  if (role.includes('thickorigin')) return 'has a snapshot, into which its bytes would be copied';
  const usual = thinPool === undefined ? [['linear'], ['striped']] : [['thin', 'sparse']];
  if (!isAmong(layout, ...usual)) return `has been made into something else (${layout.join(',')})`;
  if (pool !== (thinPool ?? '')) return `is in ${pool}`;
  if (thinPool === undefined && !isAmong(role, ['public']))
    return `is used for something else (${role.join(',')})`;
  return undefined;
}

/** Where our volumes are: the volume group as it was when it was opened. */
export interface Home {
  readonly vgUuid: string;
  readonly thinPool: string | undefined;
}

/**
 * Selects (lvmreport(7)) the volume of a disk, or all of ours, in that very volume group while it is whole; only where `obstacleOf` has
 * nothing to say. LVM selects under its lock. It would remove every snapshot together with its origin, and those are not ours.
 */
export function selectionOf({ vgUuid, thinPool }: Home, uuid?: string): string {
  const kind =
    thinPool === undefined
      ? ['(lv_layout=["linear"] || lv_layout=["striped"])', 'lv_role=["public"]']
      : ['lv_layout=["thin" && "sparse"]', 'lv_role!="thickorigin"', `pool_lv="${thinPool}"`];
  const group = [`vg_uuid="${vgUuid}"`, 'vg_missing_pv_count=0'];
  const name = uuid === undefined ? [] : [`lv_name="${nameOf(uuid)}"`];
  return [...group, ...name, 'lv_tags="pdisk"', ...kind].join(' && ');
}
