// Our volumes are plain. If an administrator has changed one (cached, mirrored or converted it, or taken a
// snapshot), its bytes are in more places than a wipe would reach, and the added volumes are not ours. Such a
// volume is left as it is, and reported.
import { nameOf } from './naming.ts';

/** The kind of a logical volume, from fields of lvs(8). */
export interface Kind {
  /** `pool_lv`: the volume's thin pool, or its cache pool. */
  readonly pool: string;
  /** `lv_layout`, such as `linear` or `thin,sparse`. */
  readonly layout: readonly string[];
  /** `lv_role`, such as `public` or `thickorigin`. */
  readonly role: readonly string[];
}

const isAmong = (words: readonly string[], ...sets: readonly string[][]): boolean =>
  sets.some(set => set.length === words.length && set.every(word => words.includes(word)));

/** Why a volume must be left as it is, for an error's sentence; undefined: it is as pdisk created it. */
export function obstacleOf({ pool, layout, role }: Kind, thinPool: string | undefined): string | undefined {
  // For thick volumes only: thin ones share blocks with their snapshots and can be removed alone.
  if (role.includes('thickorigin')) return 'has a snapshot, into which its bytes would be copied';
  const usual = thinPool === undefined ? [['linear'], ['striped']] : [['thin', 'sparse']];
  if (!isAmong(layout, ...usual)) return `has been made into something else (${layout.join(',')})`;
  if (pool !== (thinPool ?? '')) return `is in ${pool}`;
  if (thinPool === undefined && !isAmong(role, ['public']))
    return `is used for something else (${role.join(',')})`;
  return undefined;
}

/** The place of our volumes: UUID of the volume group when it was opened, and name of the thin pool. */
export interface Home {
  readonly vgUuid: string;
  readonly thinPool: string | undefined;
}

/**
 * A selection (lvmreport(7)) of the volume of one disk, or of all our volumes, in that very volume group, if
 * no physical volume is missing and `obstacleOf` would find no obstacle. LVM evaluates it under its lock, so
 * nothing can change in between. That matters because lvremove removes all snapshots of a volume with it, and
 * those are not ours.
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
