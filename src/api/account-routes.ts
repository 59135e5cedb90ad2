import type { Quota } from '../../machines/disk-events.ts';
import type { Accounts } from '../accounts/accounts.ts';
import { accountName } from '../accounts/record.ts';
import { PdiskError } from '../errors.ts';
import { json } from './answer.ts';
import {
  deleteAccount,
  deleteQuota,
  listAccounts,
  putAccount,
  setPassword,
  setQuota,
} from './operations/accounts.ts';
import { type Route, route } from './route.ts';

function nameToMake(text: string | undefined): string {
  const outcome = accountName.safeParse(text);
  if (outcome.success) return outcome.data;
  throw new PdiskError(
    'BAD_INPUT',
    outcome.error.issues.map(issue => issue.message),
  );
}

/** Accounts, for administrators. `ownedBy` counts every disk that was accepted, also those not written yet. */
export const accountRoutes = (accounts: Accounts, ownedBy: (account: string) => Quota): readonly Route[] => [
  route(listAccounts, ({ caller }) => json(accounts.list(caller))),

  route(putAccount, async ({ caller, params }, { password, role }) => {
    const name = nameToMake(params[0]);
    const { created } = await accounts.put(caller, name, { password, role });
    return json({ name, role }, created ? 201 : 200);
  }),

  route(deleteAccount, async ({ caller, params }) => {
    const name = params[0] ?? '';
    await accounts.remove(caller, name, account => ownedBy(account).disks > 0);
    return json({ name });
  }),

  route(setPassword, async ({ caller }, { password }) => {
    await accounts.setPassword(caller, password);
    return json({ name: caller.account });
  }),

  route(setQuota, async ({ caller, params }, { disks, size }) => {
    const name = params[0] ?? '';
    await accounts.setQuota(caller, name, { disks, sizeGiB: size });
    return json({ name, disks: String(disks), size: String(size) });
  }),

  route(deleteQuota, async ({ caller, params }) => {
    const name = params[0] ?? '';
    await accounts.setQuota(caller, name, undefined);
    return json({ name });
  }),
];
