import type { RunCommand } from '../command.ts';
import { PINNED } from './config.ts';

/** Runs a command of LVM with what we rely on; see `RunCommand`. */
export type Lvm = (signal: AbortSignal, command: string, ...args: readonly string[]) => Promise<string>;

export const lvmWith =
  (run: RunCommand): Lvm =>
  (signal, command, ...args) =>
    run('lvm', [command, '--config', PINNED, ...args], signal);
