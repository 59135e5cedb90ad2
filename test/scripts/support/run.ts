import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';

/** The root folder of the repository. */
export const root = fileURLToPath(new URL('../../..', import.meta.url));

export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end; `env` overrides variables of this process. */
export function run(
  program: string,
  args: readonly string[] = [],
  { env = {}, cwd = root }: { env?: Record<string, string>; cwd?: string } = {},
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const options = {
      cwd,
      env: { ...process.env, ...env },
      timeout: 900_000,
      killSignal: 'SIGKILL',
    } as const;
    execFile(program, args, options, (error, stdout, stderr) => {
      if (error !== null && typeof error.code !== 'number') reject(error);
      else resolve({ status: Number(error?.code ?? 0), stdout, stderr });
    });
  });
}

/**
 * Creates a temporary folder with these files (executable where they begin with #!); it is removed after the
 * test.
 */
export async function folderWith(t: ExecutionContext, files: Record<string, string>): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'pdisk-test-'));
  t.teardown(() => rm(dir, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    const path = join(dir, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
    if (content.startsWith('#!')) await chmod(path, 0o755);
  }
  return dir;
}
