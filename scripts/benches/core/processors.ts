import { availableParallelism } from 'node:os';

/** A processor for the server and one for its load, so that neither takes the other's; undefined, for any, where there is only one. */
export const [serverProcessor, loadProcessor] = availableParallelism() > 1 ? [0, 1] : [undefined, undefined];

/** The command that runs another one on one processor only (taskset(1)). */
export const pinnedTo = (processor: number | undefined, command: readonly string[]): string[] =>
  processor === undefined ? [...command] : ['taskset', '-c', String(processor), ...command];
