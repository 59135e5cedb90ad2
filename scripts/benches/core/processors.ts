import { availableParallelism } from 'node:os';

/**
 * One processor for the server and one for the load generator, so that neither takes the other's time;
 * undefined (any) where there is only one.
 */
export const [serverProcessor, loadProcessor] = availableParallelism() > 1 ? [0, 1] : [undefined, undefined];

/** The command line that pins another command to one processor (taskset(1)). */
export const pinnedTo = (processor: number | undefined, command: readonly string[]): string[] =>
  processor === undefined ? [...command] : ['taskset', '-c', String(processor), ...command];
