// All operations, several at once, with one program and one template.
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Choice, type Result, runOperation } from './matrix.ts';
import { buildProgram, type Program } from './program.ts';
import { makeTemplate, type Template } from './site.ts';
import type { Operation } from './trial.ts';

/** Runs operations, only so many of them at once. */
export interface Matrix {
  run(operation: Operation, choice: Choice, tell?: (line: string) => void): Promise<Result>;
  end(): Promise<void>;
}

/** Builds what all runs need. `jobs`: how many operations run at once; by default one for each processor. */
export async function openMatrix(jobs = availableParallelism()): Promise<Matrix> {
  const folder = await mkdtemp(join(tmpdir(), 'pdisk-crash-program-'));
  const program: Program = await buildProgram(folder);
  const template: Template = await makeTemplate(program);
  let free = jobs;
  const waiting: (() => void)[] = [];

  return {
    async run(operation, choice, tell) {
      if (free > 0) free -= 1;
      else await new Promise<void>(resolve => waiting.push(resolve));
      try {
        return await runOperation({ program, template }, operation, choice, tell);
      } finally {
        const next = waiting.shift();
        if (next) next();
        else free += 1;
      }
    },
    async end() {
      await rm(folder, { recursive: true });
      await rm(template.folder, { recursive: true });
    },
  };
}
