import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { directorySync } from './directory-sync.ts';

/** Writes a small file, mode 0600, so that after a crash there is all of it or nothing. */
export async function writeDurably(file: string, text: string): Promise<void> {
  const handle = await open(`${file}.new`, 'w', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(`${file}.new`, file);
  await directorySync(dirname(file))();
}
