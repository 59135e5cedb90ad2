// The state of the whole volume group comes from one process: with one process for each volume, three volumes
// would take a second. A report that is not complete is refused: a volume that is missing in it would count
// as removed.
import { z } from 'zod';
import type { Stranger, VolumeEntry } from '../pool.ts';
import { obstacleOf } from './kind.ts';
import type { Lvm } from './lvm.ts';
import { dmUuidOf, isTagged, uuidIn, uuidOfName, uuidOfTags } from './naming.ts';

/** LVM writes every number as a string, which is empty if the value is not known. */
const number = z.string().regex(/^\d+$/).transform(Number);
const numberIfKnown = z
  .string()
  .regex(/^(?:\d+(?:\.\d+)?)?$/)
  .transform(text => (text === '' ? undefined : Number(text)));
const words = z.string().transform(text => (text === '' ? [] : text.split(',')));
/** Whether the field is `word`; undefined if LVM does not know, as for a volume that is not active. */
const flag = (word: string) =>
  z.enum([word, '', 'unknown']).transform(text => (text === 'unknown' ? undefined : text === word));

const vgRow = z.object({
  vg_name: z.string(),
  vg_uuid: z.string(),
  vg_tags: words,
  vg_extent_size: number,
  vg_size: number,
  vg_free: number,
  vg_missing_pv_count: number,
  lv_count: number,
});

const lvRow = z.object({
  lv_name: z.string().min(1),
  lv_uuid: z.string(),
  lv_tags: words,
  lv_size: number,
  lv_active: flag('active'),
  lv_device_open: flag('open'),
  /** Time of creation in seconds since 1970 (see config.ts). */
  lv_time: numberIfKnown,
  lv_layout: words,
  lv_role: words,
  origin: z.string(),
  pool_lv: z.string(),
  /**
   * See lvs(8). The first letter is the type (`t`: thin pool); the eighth is `z` if new blocks are zeroed.
   */
  lv_attr: z.string(),
  data_percent: numberIfKnown,
  metadata_percent: numberIfKnown,
});

const fullReport = z.object({
  report: z.array(z.object({ vg: z.array(vgRow).length(1), lv: z.array(lvRow) })).length(1),
});

/** A volume of ours. */
export interface LvmVolume extends VolumeEntry {
  /** Whether it is active on this host; undefined if LVM does not know. */
  readonly active: boolean | undefined;
  /** Whether a program on this host has it open; undefined if LVM does not know. */
  readonly open: boolean | undefined;
  /** UUID of its device in device-mapper. */
  readonly dmUuid: string;
}

/** Size and use of a thin pool. The use is in percent, or undefined while the pool is not active. */
export interface ThinPoolState {
  readonly bytes: number;
  readonly dataPercent: number | undefined;
  readonly metadataPercent: number | undefined;
  /** Whether blocks are zeroed when they are allocated to a volume. */
  readonly zeroes: boolean;
  /** Sum of the sizes of the volumes in it that are not ours. */
  readonly othersBytes: number;
}

/** The state of a volume group at one moment. */
export interface VgState {
  readonly uuid: string;
  readonly tags: readonly string[];
  readonly extentBytes: number;
  readonly freeBytes: number;
  readonly missingPvs: number;
  /** Our volumes, that is those with our tag and a name of ours, by disk UUID. */
  readonly volumes: ReadonlyMap<string, LvmVolume>;
  /** See `Pool.strangers`. */
  readonly strangers: readonly Stranger[];
  /** Names of volumes with the tag of a disk and another name than that disk's volume has, by disk UUID. */
  readonly renamed: ReadonlyMap<string, string>;
  /** Undefined if there is no thin pool of that name, or none is configured. */
  readonly thinPool: ThinPoolState | undefined;
}

const columns = (row: z.ZodObject): string => Object.keys(row.shape).join(',');
const OPTIONS = [
  ...['--reportformat', 'json', '--units', 'b', '--nosuffix'],
  ...['--configreport', 'vg', '-o', columns(vgRow), '--configreport', 'lv', '-o', columns(lvRow)],
  // Empties the sections of the full report that are not needed; there is no option to leave one out.
  ...['pv', 'pvseg', 'seg'].flatMap(section => ['--configreport', section, '-o,']),
];

/**
 * Reads the state of a volume group and of our volumes in it. Throws CommandError, NotStarted, or an Error
 * with the beginning of a report that cannot be read.
 */
export async function readState(
  lvm: Lvm,
  place: { readonly vg: string; readonly thinPool: string | undefined },
  signal: AbortSignal,
): Promise<VgState> {
  const text = await lvm(signal, 'fullreport', ...OPTIONS, place.vg);
  const [section] = parsed(text, place.vg);
  const vg = section?.vg[0];
  if (!section || vg?.vg_name !== place.vg || vg.lv_count !== section.lv.length)
    throw unreadable(place.vg, text);
  const isOurs = (row: LvRow): boolean => isTagged(row.lv_tags) && uuidOfName(row.lv_name) !== undefined;
  const others = section.lv.filter(row => !isOurs(row));
  const pool = others.find(row => row.lv_name === place.thinPool && row.lv_attr.startsWith('t'));
  const inPool = others.filter(row => row.pool_lv === place.thinPool);
  return {
    uuid: vg.vg_uuid,
    tags: vg.vg_tags,
    extentBytes: vg.vg_extent_size,
    freeBytes: vg.vg_free,
    missingPvs: vg.vg_missing_pv_count,
    volumes: new Map(section.lv.filter(isOurs).map(row => volumeOf(row, vg.vg_uuid, place.thinPool))),
    strangers: others.flatMap(strangerOf),
    renamed: new Map(others.map(row => [uuidOfTags(row.lv_tags) ?? '', row.lv_name])),
    thinPool: pool && {
      bytes: pool.lv_size,
      dataPercent: pool.data_percent,
      metadataPercent: pool.metadata_percent,
      zeroes: pool.lv_attr[7] === 'z',
      othersBytes: inPool.reduce((sum, row) => sum + row.lv_size, 0),
    },
  };
}

const unreadable = (vg: string, text: string): Error =>
  new Error(`LVM's report on the volume group ${vg} cannot be read: ${text.slice(0, 200)}`);

function parsed(text: string, vg: string): z.infer<typeof fullReport>['report'] {
  try {
    return fullReport.parse(JSON.parse(text)).report;
  } catch {
    throw unreadable(vg, text);
  }
}

type LvRow = z.infer<typeof lvRow>;

function volumeOf(row: LvRow, vgUuid: string, thinPool: string | undefined): [string, LvmVolume] {
  const uuid = uuidOfName(row.lv_name) ?? '';
  const { lv_size: bytes, lv_time, lv_uuid, lv_active: active, lv_device_open: open } = row;
  const createdMs = lv_time === undefined ? undefined : lv_time * 1000;
  const kind = { pool: row.pool_lv, layout: row.lv_layout, role: row.lv_role };
  const obstacle = obstacleOf(kind, thinPool);
  return [uuid, { uuid, bytes, createdMs, obstacle, active, open, dmUuid: dmUuidOf(vgUuid, lv_uuid) }];
}

/** A foreign volume as a Stranger, if it has the name or tag of a disk's volume or is its snapshot. */
function strangerOf({ lv_name: name, lv_tags, lv_size: bytes, origin }: LvRow): Stranger[] {
  const uuid = uuidIn(name) ?? uuidOfTags(lv_tags) ?? uuidOfName(origin);
  return uuid === undefined ? [] : [{ name, uuid, bytes }];
}
