// All state in one process, however many volumes there are: one process per volume would be a second for every three of them. A report
// that is not read to the last letter is no report: what is missing in it would be taken for wiped, closed or removed.
import { z } from 'zod';
import type { Stranger, VolumeEntry } from '../pool.ts';
import { obstacleOf } from './kind.ts';
import type { Lvm } from './lvm.ts';
import { dmUuidOf, isTagged, uuidIn, uuidOfName, uuidOfTags } from './naming.ts';

/** LVM writes every number as a text; an empty one where the value is not known. */
const number = z.string().regex(/^\d+$/).transform(Number);
const numberIfKnown = z
  .string()
  .regex(/^(?:\d+(?:\.\d+)?)?$/)
  .transform(text => (text === '' ? undefined : Number(text)));
const words = z.string().transform(text => (text === '' ? [] : text.split(',')));
/** Whether it is as `word` says; undefined where LVM does not know, as of a volume that is not active. */
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
  /** When it was made, in seconds since 1970: see config.ts. */
  lv_time: numberIfKnown,
  lv_layout: words,
  lv_role: words,
  origin: z.string(),
  pool_lv: z.string(),
  /** Of lvs(8): the first letter is the type (`t`: thin pool), the eighth `z` where blocks are zeroed. */
  lv_attr: z.string(),
  data_percent: numberIfKnown,
  metadata_percent: numberIfKnown,
});

const fullReport = z.object({
  report: z.array(z.object({ vg: z.array(vgRow).length(1), lv: z.array(lvRow) })).length(1),
});

/** A volume of ours. */
export interface LvmVolume extends VolumeEntry {
  /** Whether it can be opened on this machine, as far as LVM knows. */
  readonly active: boolean | undefined;
  /** Whether somebody on this machine has it open, as far as LVM knows. */
  readonly open: boolean | undefined;
  /** Its device's UUID in the kernel's device-mapper. */
  readonly dmUuid: string;
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
  readonly uuid: string;
  readonly tags: readonly string[];
  readonly extentBytes: number;
  readonly freeBytes: number;
  readonly missingPvs: number;
  /** Tagged, and named as ours are: by disk. */
  readonly volumes: ReadonlyMap<string, LvmVolume>;
  /** See `Pool.strangers`. */
  readonly strangers: readonly Stranger[];
  /** Names of volumes that are tagged for a disk and are not called as its volume would be: by disk. */
  readonly renamed: ReadonlyMap<string, string>;
  /** Undefined where there is no thin pool of that name, or none was asked for. */
  readonly thinPool: ThinPoolState | undefined;
}

const columns = (row: z.ZodObject): string => Object.keys(row.shape).join(',');
const OPTIONS = [
  ...['--reportformat', 'json', '--units', 'b', '--nosuffix'],
  ...['--configreport', 'vg', '-o', columns(vgRow), '--configreport', 'lv', '-o', columns(lvRow)],
  // There is no other way to leave a section out.
  ...['pv', 'pvseg', 'seg'].flatMap(section => ['--configreport', section, '-o,']),
];

/** The state of a volume group and of our volumes in it. Throws CommandError, or an error that says what was reported. */
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

/** What has the name or the tag of a disk's volume, or is the snapshot of one. */
function strangerOf({ lv_name: name, lv_tags, lv_size: bytes, origin }: LvRow): Stranger[] {
  const uuid = uuidIn(name) ?? uuidOfTags(lv_tags) ?? uuidOfName(origin);
  return uuid === undefined ? [] : [{ name, uuid, bytes }];
}
