import { resolve } from 'node:path';
import type { Arguments, Command } from '../config/arguments.ts';
import type { Config } from '../config.ts';
import { say } from '../logging.ts';
import { backup } from './backup.ts';
import { check } from './check.ts';
import { restore } from './restore.ts';

/**
 * Runs a command that does not serve; resolves with the exit status. Its result goes to stdout, a sentence a
 * line; `told` is called with warnings. Throws a sentence if the command failed.
 */
export async function maintain(
  command: Exclude<Command, 'serve'>,
  config: Config,
  { operand, has, told }: Pick<Arguments, 'operand' | 'has'> & { told(sentence: string): void },
): Promise<number> {
  const print = (sentence: string): void => say(process.stdout, `${sentence}\n`);
  switch (command) {
    case 'backup':
      print(await backup(config.dataDir, resolve(operand)));
      return 0;
    case 'restore':
      for (const sentence of await restore(config.dataDir, resolve(operand), has('replace'), told))
        print(sentence);
      return 0;
    case 'check': {
      const findings = await check(config);
      for (const sentence of findings.all()) print(sentence);
      if (findings.status() === 0) print('nothing was found');
      return findings.status();
    }
  }
}
