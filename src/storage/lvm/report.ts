// All state in one process, however many volumes there are: one process per volume would be a second for every three of them.
import { z } from 'zod';
import type { RunCommand } from '../command.ts';
import { isTagged, uuidOfName } from './naming.ts';

/** LVM writes every number as a text; an empty one where the value is not known. */
const number = z.string().transform(text => (text === '' ? undefined : Number(text)));
const tags = z.string().transform(text => (text === '' ? [] : text.split(',')));

const vgRow = z.object({
  vg_tags: tags,
  vg_extent_size: z.coerce.number(),
  vg_size: z.coerce.number(),
  vg_free: z.coerce.number(),
  vg_missing_pv_count: z.coerce.number(),
});

const lvRow = z.object({
  lv_name: z.string(),
  lv_tags: tags,
  lv_size: z.coerce.number(),
  lv_active: z.string(),
  lv_device_open: z.string(),
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
interface LvmVolume {
  readonly uuid: string;
  readonly bytes: number;
  /** Whether it can be opened on this machine. */
  readonly active: boolean;
  /** Whether somebody on this machine has it open. */
  readonly open: boolean;
  /** Whether it has a snapshot that is not thin: into that LVM copies what is overwritten. */
  readonly hasSnapshot: boolean;
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
  /** Ours: tagged, named as we name them, and in the thin pool (or in none). By disk. */
  readonly volumes: ReadonlyMap<string, LvmVolume>;
  /** Undefined where there is no thin pool of that name, or none was asked for. */
  readonly thinPool: ThinPoolState | undefined;
}

const columns = (row: z.ZodObject): string => Object.keys(row.shape).join(',');
const COMMAND = [
  ...['fullreport', '--reportformat', 'json', '--units', 'b', '--nosuffix'],
  ...['--configreport', 'vg', '-o', columns(vgRow), '--configreport', 'lv', '-o', columns(lvRow)],
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
  const inPool = section.lv.filter(row => row.pool_lv === (place.thinPool ?? ''));
  const ours = inPool.filter(row => isTagged(row.lv_tags) && uuidOfName(row.lv_name) !== undefined);
  const pool = section.lv.find(row => row.lv_name === place.thinPool && row.lv_attr.startsWith('t'));
  const others = inPool.filter(row => !ours.includes(row)).reduce((sum, row) => sum + row.lv_size, 0);
  return {
    tags: vg.vg_tags,
    extentBytes: vg.vg_extent_size,
    freeBytes: vg.vg_free,
    missingPvs: vg.vg_missing_pv_count,
    volumes: new Map(
      ours.map(row => {
        const uuid = uuidOfName(row.lv_name) ?? '';
        const open = row.lv_device_open === 'open';
        const hasSnapshot = /^o/i.test(row.lv_attr);
        const active = row.lv_active === 'active';
        return [uuid, { uuid, bytes: row.lv_size, active, open, hasSnapshot }];
      }),
    ),
    thinPool: pool && {
      bytes: pool.lv_size,
      dataPercent: pool.data_percent,
      metadataPercent: pool.metadata_percent,
      zeroes: pool.lv_attr[7] === 'z',
      othersBytes: others,
    },
  };
}
