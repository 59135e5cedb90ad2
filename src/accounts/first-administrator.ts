// A random password is in its file before the account is in the store: a crash between the two is mended by the next start, which finds no
// account and takes the password that may have been read already. The other order would lock everybody out. A password that somebody chose
// is kept nowhere but as its hash: who chose it knows it.

import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeDurably } from '../lib/durable-file.ts';
import { isMissing } from '../lib/missing.ts';
import type { Accounts } from './accounts.ts';
import { isFitPassword, PASSWORD_RULE } from './password-rule.ts';

const NAME = 'admin';
const FILE = 'admin-password';

/** Not through a link: what it leads to is known to whoever has put it there. */
async function readPassword(file: string): Promise<string | undefined> {
  try {
    const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW);
    const password = await handle.readFile('utf8').finally(() => handle.close());
    return password.replace(/\n$/, '') || undefined;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

interface First {
  readonly account: string;
  /** To be told once; undefined where somebody has chosen it. */
  readonly password: string | undefined;
  readonly file: string;
  /** Makes the account: it can be used as soon as this was called, and is durable when it resolves. */
  create(): Promise<void>;
}

/**
 * On the very first start (no account at all) prepares the account `admin`. Its password is `chosen` where that is not empty, else what an
 * interrupted first start left in the file `admin-password` of the data directory, else random and kept in that file, mode 0600. Resolves
 * with undefined on every later start. Throws a sentence where the chosen one is no password.
 */
export async function prepareFirstAdministrator(
  accounts: Accounts,
  dataDir: string,
  chosen: string | undefined,
): Promise<First | undefined> {
  if (!accounts.isEmpty()) return undefined;
  const file = join(dataDir, FILE);
  if (chosen && !isFitPassword(chosen)) throw new Error(`PDISK_ADMIN_PASSWORD must be ${PASSWORD_RULE}`);
  const password = chosen || (await readPassword(file)) || randomBytes(18).toString('base64url');
  if (!chosen) await writeDurably(file, `${password}\n`);
  const hash = await accounts.passwords.hash(NAME, password);
  return {
    account: NAME,
    password: chosen ? undefined : password,
    file,
    async create() {
      await accounts.createFirst(NAME, hash);
      if (chosen) await rm(file, { force: true });
    },
  };
}
