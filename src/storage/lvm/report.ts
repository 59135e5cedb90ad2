// All state in one process, however many volumes there are: one process per volume would be a second for every three of them.
import { z } from 'zod';
import type { RunCommand } from '../command.ts';
import type { Stranger, VolumeEntry } from '../pool.ts';
import { obstacleOf } from './kind.ts';
import { isTagged, uuidIn, uuidOfName, uuidOfTags } from './naming.ts';

/** LVM writes every number as a text; an empty one where the value is not known. */
const number = z.string().transform(text => (text === '' ? undefined : Number(text)));
const words = z.string().transform(text => (text === '' ? [] : text.split(',')));

const vgRow = z.object({
  vg_tags: words,
  vg_extent_size: z.coerce.number(),
  vg_size: z.coerce.number(),
  vg_free: z.coerce.number(),
  vg_missing_pv_count: z.coerce.number(),
});

const lvRow = z.object({
  lv_name: z.string(),
  lv_tags: words,
  lv_size: z.coerce.number(),
  lv_active: z.string(),
  lv_device_open: z.string(),
  /** When it was made, in seconds since 1970: see COMMAND. */
  lv_time: number,
  lv_layout: words,
  lv_role: words,
  origin: z.string(),
  pool_lv: z.string(),
  /** Of lvs(8): the first letter is the type (`t`: thin pool, `o`: origin of a snapshot), the eighth `z` where blocks are zeroed. */
  lv_attr: z.string(),
  data_percent: number,
  metadata_percent: number,
});

const fullReport = z.object({
  report: z.array(z.object({ vg: z.array(vgRow), lv: z.array(lvRow) })).length(1),
});

/** A volume of ours. */
interface LvmVolume extends VolumeEntry {
  /** Whether it can be opened on this machine. */
  readonly active: boolean;
  /** Whether somebody on this machine has it open. */
  readonly open: boolean;
}

/** Use and size of a thin pool; uses in percent, undefined while it is not active. */
export interface ThinPoolState {
  readonly bytes: number;
  readonly dataPercent: number | undefined;
  readonly metadataPercent: number | undefined;
  /** Whether blocks are zeroed before a volume gets them. */
  readonly zeroes: boolean;
  /** What volumes of others in it may come to occupy. */
  readonly othersBytes: number;
}

export interface VgState {
  readonly tags: readonly string[];
  readonly extentBytes: number;
  readonly freeBytes: number;
  readonly missingPvs: number;
  /** Tagged, and named as ours are: by disk. */
  readonly volumes: ReadonlyMap<string, LvmVolume>;
  /** See `Pool.strangers`. */
  readonly strangers: readonly Stranger[];
  /** Undefined where there is no thin pool of that name, or none was asked for. */
  readonly thinPool: ThinPoolState | undefined;
}

const columns = (row: z.ZodObject): string => Object.keys(row.shape).join(',');
const COMMAND = [
  ...['fullreport', '--reportformat', 'json', '--units', 'b', '--nosuffix'],
  ...['--configreport', 'vg', '-o', columns(vgRow), '--configreport', 'lv', '-o', columns(lvRow)],
  ...['--config', 'report/time_format="%s"'],
  // There is no other way to leave a section out.
  ...['pv', 'pvseg', 'seg'].flatMap(section => ['--configreport', section, '-o,']),
];

/** The state of a volume group and of our volumes in it. Throws CommandError. */
export async function readState(
  run: RunCommand,
  place: { readonly vg: string; readonly thinPool: string | undefined },
  signal: AbortSignal,
): Promise<VgState> {
  const [section] = fullReport.parse(JSON.parse(await run('lvm', [...COMMAND, place.vg], signal))).report;
  const vg = section?.vg[0];
  if (!section || !vg) throw new Error(`LVM reported nothing about the volume group ${place.vg}`);
  const isOurs = (row: LvRow): boolean => isTagged(row.lv_tags) && uuidOfName(row.lv_name) !== undefined;
  const others = section.lv.filter(row => !isOurs(row));
  const pool = others.find(row => row.lv_name === place.thinPool && row.lv_attr.startsWith('t'));
  const inPool = others.filter(row => row.pool_lv === place.thinPool);
  return {
    tags: vg.vg_tags,
    extentBytes: vg.vg_extent_size,
    freeBytes: vg.vg_free,
    missingPvs: vg.vg_missing_pv_count,
    volumes: new Map(section.lv.filter(isOurs).map(row => volumeOf(row, place.thinPool))),
    strangers: others.flatMap(strangerOf),
    thinPool: pool && {
      bytes: pool.lv_size,
      dataPercent: pool.data_percent,
      metadataPercent: pool.metadata_percent,
      zeroes: pool.lv_attr[7] === 'z',
      othersBytes: inPool.reduce((sum, row) => sum + row.lv_size, 0),
    },
  };
}

type LvRow = z.infer<typeof lvRow>;

function volumeOf(row: LvRow, thinPool: string | undefined): [string, LvmVolume] {
  const uuid = uuidOfName(row.lv_name) ?? '';
  const { lv_size: bytes, lv_time, pool_lv, lv_layout: layout, lv_role: role } = row;
  const createdMs = lv_time === undefined ? undefined : lv_time * 1000;
  const obstacle = obstacleOf({ pool_lv, layout, role }, thinPool);
  const active = row.lv_active === 'active';
  const open = row.lv_device_open === 'open';
  return [uuid, { uuid, bytes, createdMs, obstacle, active, open }];
}

/** What has the name or the tag of a disk's volume, or is the snapshot of one. */
function strangerOf({ lv_name: name, lv_tags, lv_size: bytes, origin }: LvRow): Stranger[] {
  const uuid = uuidIn(name) ?? uuidOfTags(lv_tags) ?? uuidOfName(origin);
  return uuid === undefined ? [] : [{ name, uuid, bytes }];
}
