// LevelDB skips the entries of its log that it cannot read and goes on with those behind them, without an
// error; its option that refuses instead (paranoid_checks) is not available through `level`. So the log is
// checked before LevelDB opens it, which also leaves a damaged file as it is. The format is described in
// LevelDB's doc/log_format.md.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32c } from './crc32c.ts';

const BLOCK = 32_768;
/** Checksum (4 bytes), length (2) and type (1). */
const HEADER = 7;
const FULL = 1;
const FIRST = 2;
const LAST = 4;

const LOG_FILE = /^\d+\.log$/;

interface Fragment {
  readonly type: number;
  /** The offset of its end in its block. */
  readonly end: number;
}

/**
 * LevelDB stores checksums rotated and with an offset added, so that a checksum over bytes that contain
 * checksums is not weak.
 */
function unmasked(checksum: number): number {
  const turned = (checksum - 0xa282ead8) >>> 0;
  return ((turned >>> 17) | (turned << 15)) >>> 0;
}

/** The fragment that begins at `start`; undefined where there is none or it is broken. */
function fragmentAt(block: Buffer, start: number): Fragment | undefined {
  if (start + HEADER > block.length) return undefined;
  const type = block.readUInt8(start + 6);
  const end = start + HEADER + block.readUInt16LE(start + 4);
  if (type < FULL || type > LAST || end > block.length) return undefined;
  const isWhole = crc32c(block.subarray(start + 6, end)) === unmasked(block.readUInt32LE(start));
  return isWhole ? { type, end } : undefined;
}

/**
 * Whether an entry in the middle of the log is broken or missing. A broken entry at the end is normal: a
 * crash interrupted the last write, which was never acknowledged. But every write waits for the one before
 * it, so a whole entry behind a broken one proves that the broken one was on disk once.
 */
function isDamaged(log: Buffer): boolean {
  let inRecord = false;
  let isBroken = false;
  for (let at = 0; at < log.length; at += BLOCK) {
    const block = log.subarray(at, at + BLOCK);
    let start = 0;
    while (start + HEADER <= block.length) {
      const found = fragmentAt(block, start);
      if (!found) {
        // Its length may be the broken field: so the next fragment is searched byte by byte.
        isBroken = true;
        start += 1;
        continue;
      }
      const begins = found.type === FULL || found.type === FIRST;
      if (begins && (isBroken || inRecord)) return true;
      if (!begins && !inRecord) isBroken = true;
      inRecord = !isBroken && found.type !== FULL && found.type !== LAST;
      start = found.end;
    }
  }
  return false;
}

/** The name of a damaged log file of the LevelDB database in `directory`; undefined where all are whole. */
export async function damagedLog(directory: string): Promise<string | undefined> {
  const names = (await readdir(directory)).filter(name => LOG_FILE.test(name));
  for (const name of names) if (isDamaged(await readFile(join(directory, name)))) return name;
  return undefined;
}
