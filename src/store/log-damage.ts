// LevelDB skips what it cannot read in its log and goes on behind it as if nothing had been there; its option that refuses instead
// (paranoid_checks) is not to be had through `level`. So the log is read before LevelDB opens it, which also leaves the damaged file as it
// is. The format is that of LevelDB's doc/log_format.md.
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
  /** Where it ends in its block. */
  readonly end: number;
}

/** LevelDB keeps checksums turned around, so that none is the checksum of bytes which hold one. */
function unmasked(checksum: number): number {
  const turned = (checksum - 0xa282ead8) >>> 0;
  return ((turned >>> 17) | (turned << 15)) >>> 0;
}

/** The whole fragment that begins here, if one does. */
function fragmentAt(block: Buffer, start: number): Fragment | undefined {
  if (start + HEADER > block.length) return undefined;
  const type = block.readUInt8(start + 6);
  const end = start + HEADER + block.readUInt16LE(start + 4);
  if (type < FULL || type > LAST || end > block.length) return undefined;
  const isWhole = crc32c(block.subarray(start + 6, end)) === unmasked(block.readUInt32LE(start));
  return isWhole ? { type, end } : undefined;
}

/**
 * Whether something is missing in the middle of a log. At its end something may be: a crash can interrupt the last write, which nobody has
 * been told of. But every write waits for the one before it, so where a whole one follows, what is broken was on disk once.
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
        // Its length may be what is wrong: what follows is looked for byte by byte.
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

/** A log of the LevelDB database in `directory` that is damaged, by its name, if one is. */
export async function damagedLog(directory: string): Promise<string | undefined> {
  const names = (await readdir(directory)).filter(name => LOG_FILE.test(name));
  for (const name of names) if (isDamaged(await readFile(join(directory, name)))) return name;
  return undefined;
}
