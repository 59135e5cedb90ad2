import type { RunCommand } from '../command.ts';
import { PINNED } from './config.ts';

/** Runs a command of LVM with the settings in config.ts; errors as of `RunCommand`. */
export type Lvm = (signal: AbortSignal, command: string, ...args: readonly string[]) => Promise<string>;

/** LVM's commands, run by `run`. */
export const lvmWith =
  (run: RunCommand): Lvm =>
  (signal, command, ...args) =>
    run('lvm', [command, '--config', PINNED, ...args], signal);
