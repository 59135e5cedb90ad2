// Boundaries around the programs that the service runs.
import childProcess, { type ChildProcess, type SpawnOptions } from 'node:child_process';
import { syncBuiltinESMExports } from 'node:module';
import { basename } from 'node:path';
import { reach } from './counter.ts';
import { type Happening, LATE_MS, OVERDUE_MS } from './plan.ts';

/** Shell code that runs "$@" with something happening to it. */
const shells: Readonly<Partial<Record<Happening, string>>> = {
  fail: 'exit 1',
  lost: '"$@" > /dev/null; exit 1',
  late: `sleep ${LATE_MS / 1000}; exec "$@"`,
  overdue: `sleep ${OVERDUE_MS / 1000}; exec "$@"`,
  twice: '"$@" > /dev/null; exec "$@"',
};

/** Wraps node:child_process's `spawn`. */
export function wrapCommands(): void {
  const spawn = childProcess.spawn as (
    command: string,
    args: readonly string[],
    options: SpawnOptions,
  ) => ChildProcess;
  const wrapped: typeof spawn = (command, args, options) => {
    const name = basename(command);
    const shell = shells[reach(`before ${name}`) ?? 'kill'];
    const child =
      shell === undefined
        ? spawn(command, args, options)
        : spawn('/bin/sh', ['-c', shell, 'sh', command, ...args], options);
    reach(`after ${name} began`);
    child.prependListener('exit', () => reach(`after ${name}`));
    return child;
  };
  childProcess.spawn = wrapped as typeof childProcess.spawn;
  syncBuiltinESMExports();
}
