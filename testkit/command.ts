// A command of pdiskd beside the service, with the configuration of a service that `startService` has
// started.
import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { root, serviceProgram } from './program.ts';
import type { Service } from './service.ts';

/** How a command has ended. */
export interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command; `environment` is added to that of the test. */
export function runCommand(
  service: Pick<Service, 'pool'>,
  args: readonly string[],
  environment: Record<string, string> = {},
): Promise<Ended> {
  const config = join(dirname(dirname(service.pool)), 'pdisk.yaml');
  const [program, ...rest] = serviceProgram;
  const env = { ...process.env, PDISK_BUILT: undefined, NODE_OPTIONS: '', ...environment };
  return new Promise(resolve => {
    execFile(program, [...rest, ...args, '--config', config], { cwd: root, env }, (error, stdout, stderr) => {
      resolve({ status: error ? Number(error.code ?? -1) : 0, stdout, stderr });
    });
  });
}
