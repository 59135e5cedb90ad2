import { createHash } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { median } from './rounds.ts';

/** The speed of the host itself at one moment. */
export interface Canary {
  /** A write of 256 bytes and its fdatasync, in milliseconds: the median of 50. */
  readonly fsyncMs: number;
  /** A fixed computation, in milliseconds: the best of 7. */
  readonly cpuMs: number;
}

const WRITES = 50;
const COMPUTATIONS = 7;

async function timeWrites(directory: string): Promise<number> {
  const path = join(directory, 'canary');
  const file = await open(path, 'w');
  const times: number[] = [];
  try {
    const bytes = Buffer.alloc(256, 'x');
    for (let index = 0; index < WRITES; index += 1) {
      const begun = performance.now();
      await file.write(bytes, 0, bytes.length, index * bytes.length);
      await file.datasync();
      times.push(performance.now() - begun);
    }
  } finally {
    await file.close();
    await rm(path);
  }
  return median(times);
}

function compute(): number {
  const begun = performance.now();
  let text = '';
  for (let index = 0; index < 4000; index += 1) text = createHash('sha256').update(text).digest('hex');
  return performance.now() - begun;
}

/** Measures the file system under `directory`, and the processor. */
export async function look(directory: string): Promise<Canary> {
  const fsyncMs = await timeWrites(directory);
  const cpuMs = Math.min(...Array.from({ length: COMPUTATIONS }, compute));
  return { fsyncMs, cpuMs };
}
