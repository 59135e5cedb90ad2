// Left to find(1): one stat per file of our own would go through the thread pool that LevelDB shares.
import { createRunner } from './command.ts';
import type { Stranger, VolumeEntry } from './pool.ts';
import { within } from './within.ts';

/** An image's name, as POSIX has regular expressions. */
export const POSIX_IMAGE = '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\\.raw';
const IMAGE = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.raw$/;
const UUID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/;
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
  const named = [
    '-regextype',
    'posix-extended',
    '-regex',
    '.*/[^/]*[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}[^/]*',
  ];
  const where = [directory, '-mindepth', '1', '-maxdepth', '1', '-ignore_readdir_race', ...named];
  // A name may hold any byte but NUL.
  const args = [...where, '-printf', '%y %s %b %B@ %f\\0'];
  const found = await within(LOOKING_MS, signal => run('find', args, signal));
  const volumes: VolumeEntry[] = [];
  const strangers: Stranger[] = [];
  for (const line of found.split('\0')) {
    const [, type = '', size = '', blocks = '', birth = '', name = ''] =
      /^(\S) (\S+) (\S+) (\S+) (.*)$/s.exec(line) ?? [];
    const [uuid] = UUID.exec(name) ?? [];
    if (uuid === undefined) continue;
    const bytes = Number(size);
    const writtenBytes = Number(blocks) * BLOCK;
    if (type === 'f' && IMAGE.test(name))
      volumes.push({ uuid, bytes, createdMs: timeOf(birth), writtenBytes });
    else strangers.push({ name, uuid, bytes });
  }
  return { volumes, strangers };
}
