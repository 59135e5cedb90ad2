import type { Accounts } from '../accounts/accounts.ts';
import { accountName } from '../accounts/record.ts';
import { PdiskError } from '../errors.ts';
import { json } from './answer.ts';
import { newAccount, nothing } from './inputs.ts';
import { type Route, route } from './route.ts';

function nameToMake(text: string | undefined): string {
  const outcome = accountName.safeParse(text);
  if (outcome.success) return outcome.data;
  throw new PdiskError(
    'BAD_INPUT',
    outcome.error.issues.map(issue => issue.message),
  );
}

/** Accounts, for administrators. `ownsDisks` knows every disk that was accepted, also those not written yet. */
export const accountRoutes = (
  accounts: Accounts,
  ownsDisks: (account: string) => boolean,
): readonly Route[] => [
  route('GET', '/api/users', nothing, ({ caller }) => json(accounts.list(caller))),

  route('PUT', '/api/users/:name', newAccount, async ({ caller, params }, { password, role }) => {
    const name = nameToMake(params[0]);
    const { created } = await accounts.put(caller, name, { password, role });
    return json({ name, role }, created ? 201 : 200);
  }),

  route('DELETE', '/api/users/:name', nothing, async ({ caller, params }) => {
    const name = params[0] ?? '';
    await accounts.remove(caller, name, ownsDisks);
    return json({ name });
  }),
];
