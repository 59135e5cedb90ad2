import { writeDurably } from '../lib/durable-file.ts';
import { checkBackup } from '../store/backup.ts';
import { storeText } from './source.ts';

/**
 * Writes a backup of the store of a data folder into `file`, mode 0600, while the service runs or not. The file
 * is there whole and durable when this resolves, or not at all. Resolves with a sentence; throws one where
 * there is nothing to be backed up, or where it cannot be written.
 */
export async function backup(dataDir: string, file: string): Promise<string> {
  const { isServing, pieces } = await storeText(dataDir);
  const check = checkBackup(isServing ? 'what the service sent' : file);
  let entries = 0;
  // Checked on its way: an answer that breaks off must not replace a whole file.
  const checked = async function* (): AsyncGenerator<string> {
    for await (const piece of pieces) {
      await check.take(piece);
      yield piece;
    }
    entries = check.end().entries;
  };
  await writeDurably(file, checked());
  return `${file} has all ${entries} records${isServing ? ', as they are in the running service' : ''}`;
}
