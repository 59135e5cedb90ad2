// The password is in its file before the account is in the store: a crash between the two is mended by the next start, which
// finds no account and takes the password that may have been read already. The other order would lock everybody out.
import { randomBytes } from 'node:crypto';
import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Accounts } from './accounts.ts';

const NAME = 'admin';
const FILE = 'admin-password';

async function readPassword(file: string): Promise<string | undefined> {
  try {
    const password = (await readFile(file, 'utf8')).replace(/\n$/, '');
    return password === '' ? undefined : password;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

async function writePassword(directory: string, password: string): Promise<void> {
  const temporary = join(directory, `${FILE}.new`);
  const file = await open(temporary, 'w', 0o600);
  try {
    await file.chmod(0o600);
    await file.writeFile(`${password}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, join(directory, FILE));
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * On the very first start (no account at all) makes the account `admin` and keeps its password in `admin-password`, mode 0600,
 * in the data directory, which must exist. The password is `chosen` where that is not empty, else what an interrupted first
 * start left there, else random. Resolves with what to print once, or undefined on every later start.
 */
export async function createFirstAdministrator(
  accounts: Accounts,
  dataDir: string,
  chosen: string | undefined,
): Promise<{ readonly account: string; readonly password: string; readonly file: string } | undefined> {
  if (!accounts.isEmpty()) return undefined;
  const file = join(dataDir, FILE);
  const password = chosen || (await readPassword(file)) || randomBytes(18).toString('base64url');
  await writePassword(dataDir, password);
  await accounts.createFirst(NAME, password);
  return { account: NAME, password, file };
}
