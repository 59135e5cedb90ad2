import type { Quota } from '../../../machines/disk-events.ts';
import type { Accounts } from '../../accounts/accounts.ts';
import { accountName } from '../../accounts/record.ts';
import type { DiskService } from '../../disks/service.ts';
import { PdiskError } from '../../errors.ts';
import type { Write } from '../../store/group-commit.ts';
import {
  deleteAccount,
  deleteQuota,
  listAccounts,
  putAccount,
  setPassword,
  setQuota,
} from '../description/operations/accounts.ts';
import { json } from '../http/answer.ts';
import { keptChange, type Route, route } from './route.ts';

function nameToMake(text: string | undefined): string {
  const outcome = accountName.safeParse(text);
  if (outcome.success) return outcome.data;
  throw new PdiskError(
    'BAD_INPUT',
    outcome.error.issues.map(issue => issue.message),
  );
}

/** A number that may be infinite, as text. */
const limitText = (limit: number): string | null => (Number.isFinite(limit) ? String(limit) : null);

const quotaKeys = ({ disks, sizeGiB }: Quota) => ({ disks: limitText(disks), size: limitText(sizeGiB) });

/**
 * Accounts, for administrators. The service counts every disk that was accepted, also those not written yet; `forget` answers what else
 * of an account to erase with it.
 */
export const accountRoutes = (
  accounts: Accounts,
  service: Pick<DiskService, 'ownedBy' | 'quotaOf'>,
  forget: (account: string) => readonly Write[],
): readonly Route[] => [
  route(listAccounts, ({ caller }) =>
    json(
      accounts.list(caller).map(({ name, role }) => {
        const { disks, sizeGiB } = service.ownedBy(name);
        return {
          name,
          role,
          disks: String(disks),
          size: String(sizeGiB),
          quota: quotaKeys(service.quotaOf(name)),
        };
      }),
    ),
  ),

  keptChange(putAccount, async ({ caller, keep, params }, { password, role }) => {
    const name = nameToMake(params[0]);
    const answer = ({ created }: { created: boolean }) => json({ name, role }, created ? 201 : 200);
    return answer(await accounts.put(caller, name, { password, role }, outcome => keep(answer(outcome))));
  }),

  keptChange(deleteAccount, async ({ caller, keep, params }) => {
    const name = params[0] ?? '';
    const answer = json({ name });
    const also = () => [...forget(name), ...keep(answer)];
    await accounts.remove(caller, name, account => service.ownedBy(account).disks > 0, also);
    return answer;
  }),

  keptChange(setPassword, async ({ caller, keep }, { password }) => {
    const answer = json({ name: caller.account });
    await accounts.setPassword(caller, password, () => keep(answer));
    return answer;
  }),

  keptChange(setQuota, async ({ caller, keep, params }, { disks, size }) => {
    const name = params[0] ?? '';
    const answer = json({ name, disks: String(disks), size: String(size) });
    await accounts.setQuota(caller, name, { disks, sizeGiB: size }, () => keep(answer));
    return answer;
  }),

  keptChange(deleteQuota, async ({ caller, keep, params }) => {
    const name = params[0] ?? '';
    const answer = json({ name });
    await accounts.setQuota(caller, name, undefined, () => keep(answer));
    return answer;
  }),
];
