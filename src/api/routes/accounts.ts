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
import { atomicChange, type Route, route } from './route.ts';

function newName(text: string | undefined): string {
  const outcome = accountName.safeParse(text);
  if (outcome.success) return outcome.data;
  throw new PdiskError(
    'BAD_INPUT',
    outcome.error.issues.map(issue => issue.message),
  );
}

/** A limit as text; null if it is infinite. */
const limitText = (limit: number): string | null => (Number.isFinite(limit) ? String(limit) : null);

const quotaKeys = ({ disks, sizeGiB }: Quota) => ({ disks: limitText(disks), size: limitText(sizeGiB) });

/**
 * Accounts, for administrators. `service` counts every disk that was accepted, also those not written yet.
 * `forget` returns the writes that erase other data of an account, for the batch that deletes it.
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

  atomicChange(putAccount, async ({ caller, rememberAnswer, params }, { password, role }) => {
    const name = newName(params[0]);
    const answer = ({ created }: { created: boolean }) => json({ name, role }, created ? 201 : 200);
    return answer(
      await accounts.put(caller, name, { password, role }, outcome => rememberAnswer(answer(outcome))),
    );
  }),

  atomicChange(deleteAccount, async ({ caller, rememberAnswer, params }) => {
    const name = params[0] ?? '';
    const answer = json({ name });
    const also = () => [...forget(name), ...rememberAnswer(answer)];
    await accounts.remove(caller, name, account => service.ownedBy(account).disks > 0, also);
    return answer;
  }),

  atomicChange(setPassword, async ({ caller, rememberAnswer }, { password }) => {
    const answer = json({ name: caller.account });
    await accounts.setPassword(caller, password, () => rememberAnswer(answer));
    return answer;
  }),

  atomicChange(setQuota, async ({ caller, rememberAnswer, params }, { disks, size }) => {
    const name = params[0] ?? '';
    const answer = json({ name, disks: String(disks), size: String(size) });
    await accounts.setQuota(caller, name, { disks, sizeGiB: size }, () => rememberAnswer(answer));
    return answer;
  }),

  atomicChange(deleteQuota, async ({ caller, rememberAnswer, params }) => {
    const name = params[0] ?? '';
    const answer = json({ name });
    await accounts.setQuota(caller, name, undefined, () => rememberAnswer(answer));
    return answer;
  }),
];
