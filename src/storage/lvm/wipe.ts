// In small steps, each a process of its own that ends only when its zeros are on the device: so a rate can be kept, and whoever
// is told of progress can rely on it.
import { setTimeout as delay } from 'node:timers/promises';
import type { RunCommand } from '../command.ts';
import type { Kernel } from './kernel.ts';

const MIB = 2 ** 20;
const LARGEST_STEP = 256 * MIB;
const SMALLEST_STEP = 4 * MIB;
/** A piece takes at least so long and is at least so much of the device, for whoever hears of it writes it down; but never longer. */
const PIECE = { leastMs: 2_000, leastShare: 0.01, mostMs: 20_000 };

export interface Wiping {
  readonly run: RunCommand;
  readonly kernel: Pick<Kernel, 'canZero' | 'canDiscard'>;
  /** `discard` where the device can; else zeros. */
  readonly how: 'zero' | 'discard';
  /** Bytes in a second, at most; undefined: as fast as it goes. */
  readonly rate: number | undefined;
}

/** What blkdiscard(8) is to do with the device, as options of it; undefined where the device does nothing of it by itself. */
async function blkdiscardOptions({ kernel, how }: Wiping, path: string): Promise<string[] | undefined> {
  if (how === 'discard' && (await kernel.canDiscard(path))) return [];
  return (await kernel.canZero(path)) ? ['--zeroout'] : undefined;
}

/** By the device itself, or by zeros that are sent: with direct I/O, so that they push nothing out of the page cache. */
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
 * Wipes a piece of the device from byte `from` on, for 2 to 20 s; resolves with how far it is wiped. Throws CommandError, or the
 * signal's reason.
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
  // What the device was told to do by itself may still be in its own cache: only an fsync of it says that it is on the medium.
  if (options && wiped > from) await wiping.run('sync', [device.path], signal);
  return wiped;
}
