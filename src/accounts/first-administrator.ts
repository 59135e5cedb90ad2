// A random password is written to its file before the account is stored. After a crash between the two, the
// next start finds no account and uses the password from the file, which may have been read already. The
// other order would lock everybody out. A password chosen by a person is stored only as its hash.

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

/** O_NOFOLLOW: the target of a link is known to the person who created the link. */
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
  /** To be printed once; undefined where a person has chosen it. */
  readonly password: string | undefined;
  readonly file: string;
  /** Creates the account: it can be used as soon as this has been called, and is durable when it resolves. */
  create(): Promise<void>;
}

/**
 * On the very first start (no accounts yet) prepares the account `admin`. Its password is `chosen` if that is
 * not empty, else the one that an interrupted first start left in the file `admin-password` of the data
 * directory, else a random one, which is written to that file with mode 0600. Resolves with undefined on
 * every later start. Throws a sentence where `chosen` is not a valid password.
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
