// Left to find(1): one stat per file of our own would go through the thread pool that LevelDB shares.
import { UUID } from '../lib/uuid.ts';
import { createRunner } from './command.ts';
import type { Stranger, VolumeEntry } from './pool.ts';
import { withTimeout } from './timeout.ts';

/** An image's name, as POSIX has regular expressions. */
const POSIX_UUID = UUID.replaceAll('?:', '');
export const POSIX_IMAGE = `${POSIX_UUID}\\.raw`;
const IMAGE = new RegExp(`^${UUID}\\.raw$`);
const ANYWHERE = new RegExp(UUID);
/** What find(1) counts a file's room in, in bytes. */
const BLOCK = 512;
const LOOKING_MS = 120_000;

const run = createRunner();

interface Contents {
  readonly volumes: readonly VolumeEntry[];
  readonly strangers: readonly Stranger[];
}

/** find(1) says -1 where the file system does not keep the time of birth. */
const timeOf = (seconds: string): number | undefined =>
  /^\d/.test(seconds) ? Math.floor(Number(seconds) * 1000) : undefined;

/** The images in a directory, and what else bears a disk's uuid in its name. Throws CommandError. */
export async function contents(directory: string): Promise<Contents> {
  const named = ['-regextype', 'posix-extended', '-regex', `.*/[^/]*${POSIX_UUID}[^/]*`];
  const where = [directory, '-mindepth', '1', '-maxdepth', '1', '-ignore_readdir_race', ...named];
  // A name may hold any byte but NUL.
  const args = [...where, '-printf', '%y %s %b %B@ %f\\0'];
  const found = await withTimeout(LOOKING_MS, signal => run('find', args, signal));
  const volumes: VolumeEntry[] = [];
  const strangers: Stranger[] = [];
  for (const line of found.split('\0')) {
    const [, type = '', size = '', blocks = '', birth = '', name = ''] =
      /^(\S) (\S+) (\S+) (\S+) (.*)$/s.exec(line) ?? [];
    const [uuid] = ANYWHERE.exec(name) ?? [];
    if (uuid === undefined) continue;
    const bytes = Number(size);
    const writtenBytes = Number(blocks) * BLOCK;
    if (type === 'f' && IMAGE.test(name))
      volumes.push({ uuid, bytes, createdMs: timeOf(birth), writtenBytes });
    else strangers.push({ name, uuid, bytes });
  }
  return { volumes, strangers };
}
