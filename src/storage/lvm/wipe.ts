// A volume is wiped in small steps. Each step is a process that ends only when its zeros have been written to
// the device, so that the rate can be limited and the reported progress is reliable.
import { setTimeout as delay } from 'node:timers/promises';
import type { RunCommand } from '../command.ts';
import type { Kernel } from './kernel.ts';

const MIB = 2 ** 20;
const LARGEST_STEP = 256 * MIB;
const SMALLEST_STEP = 4 * MIB;
/**
 * The progress is recorded after each piece. So that this is not done too often, a piece takes at least
 * `leastMs` and is at least `leastShare` of the device; but it ends after `mostMs` in any case.
 */
const PIECE = { leastMs: 2_000, leastShare: 0.01, mostMs: 20_000 };

/** How a volume is wiped. */
export interface Wiping {
  readonly run: RunCommand;
  readonly kernel: Pick<Kernel, 'canZero' | 'canDiscard'>;
  /** `discard`: discard if the device supports it, else zeros. */
  readonly how: 'zero' | 'discard';
  /** Limit in bytes per second; undefined: no limit. */
  readonly rate: number | undefined;
}

/** Options for blkdiscard(8); undefined if the device supports neither discard nor WRITE ZEROES. */
async function blkdiscardOptions({ kernel, how }: Wiping, path: string): Promise<string[] | undefined> {
  if (how === 'discard' && (await kernel.canDiscard(path))) return [];
  return (await kernel.canZero(path)) ? ['--zeroout'] : undefined;
}

/**
 * Wipes one step: with blkdiscard if `options` are given, else by writing zeros with dd. dd uses direct I/O,
 * so that the zeros evict nothing from the page cache.
 */
function wipeStep(
  run: RunCommand,
  path: string,
  options: readonly string[] | undefined,
  offset: number,
  bytes: number,
  signal: AbortSignal,
): Promise<string> {
  if (options) {
    const range = ['--offset', String(offset), '--length', String(bytes)];
    return run('blkdiscard', [...options, ...range, path], signal);
  }
  const range = [`seek=${offset}`, 'oflag=direct,seek_bytes', `count=${bytes}`, 'iflag=count_bytes'];
  const rest = ['if=/dev/zero', `of=${path}`, 'bs=4M', 'conv=notrunc,nocreat,fsync', 'status=none'];
  return run('dd', [...rest, ...range], signal);
}

/**
 * Wipes a piece of the device from byte `from` on, for 2 to 20 s. Resolves with the offset in bytes up to
 * which the device is wiped. Throws CommandError, NotStarted, or the signal's reason.
 */
export async function wipePiece(
  wiping: Wiping,
  device: { readonly path: string; readonly bytes: number },
  from: number,
  signal: AbortSignal,
): Promise<number> {
  const { rate = Number.POSITIVE_INFINITY } = wiping;
  const options = await blkdiscardOptions(wiping, device.path);
  const step = Math.min(LARGEST_STEP, Math.max(SMALLEST_STEP, Math.floor(rate / 4 / MIB) * MIB));
  const start = performance.now();
  const isOver = (): boolean => {
    const ms = performance.now() - start;
    return ms >= PIECE.leastMs && (ms >= PIECE.mostMs || wiped - from >= device.bytes * PIECE.leastShare);
  };
  let wiped = from;
  while (wiped < device.bytes && !isOver()) {
    const begin = performance.now();
    const bytes = Math.min(step, device.bytes - wiped);
    await wipeStep(wiping.run, device.path, options, wiped, bytes, signal);
    wiped += bytes;
    const early = (bytes / rate) * 1000 - (performance.now() - begin);
    if (early > 0) await delay(early, undefined, { signal });
  }
  // After blkdiscard the zeros may be in the device's cache: fsync puts them on the medium.
  if (options && wiped > from) await wiping.run('sync', [device.path], signal);
  return wiped;
}
