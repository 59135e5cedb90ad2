// find(1) lists the directory: one stat(2) for each file would occupy the thread pool of LevelDB.
import { UUID } from '../lib/uuid.ts';
import { createRunner } from './command.ts';
import type { Stranger, VolumeEntry } from './pool.ts';
import { withTimeout } from './timeout.ts';

/** POSIX extended regular expressions have no non-capturing groups. */
const POSIX_UUID = UUID.replaceAll('?:', '');
/** The name of an image, as a POSIX extended regular expression. */
export const POSIX_IMAGE = `${POSIX_UUID}\\.raw`;
const IMAGE = new RegExp(`^${UUID}\\.raw$`);
const ANYWHERE = new RegExp(UUID);
/** The unit of find's %b, in bytes. */
const BLOCK = 512;
const LOOKING_MS = 120_000;

const run = createRunner();

interface Contents {
  readonly volumes: readonly VolumeEntry[];
  readonly strangers: readonly Stranger[];
}

/** The time of birth in milliseconds since 1970; find(1) prints -1 if the file system does not record it. */
const timeOf = (seconds: string): number | undefined =>
  /^\d/.test(seconds) ? Math.floor(Number(seconds) * 1000) : undefined;

/** The images in a directory, and other names with a UUID. Throws CommandError or NotStarted. */
export async function contents(directory: string): Promise<Contents> {
  const named = ['-regextype', 'posix-extended', '-regex', `.*/[^/]*${POSIX_UUID}[^/]*`];
  const where = [directory, '-mindepth', '1', '-maxdepth', '1', '-ignore_readdir_race', ...named];
  // Entries end with NUL, the only byte besides the slash that a file name cannot have.
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
