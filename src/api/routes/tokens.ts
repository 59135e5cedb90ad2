import type { Tokens, TokenView } from '../../accounts/tokens.ts';
import { createToken, deleteToken, listTokens } from '../description/operations/tokens.ts';
import { type HttpAnswer, json } from '../http/answer.ts';
import { timestamp } from '../text/representation.ts';
import { atomicChange, type Route, route } from './route.ts';

const represent = ({ id, name, created, expires }: TokenView) => ({
  id,
  name,
  created: timestamp(created),
  expires: timestamp(expires),
});

const withSecret = (token: TokenView & { readonly secret: string }): HttpAnswer => ({
  ...json({ ...represent(token), token: token.secret }, 201),
  token: token.id,
});

/** API tokens: each account has its own. */
export const tokenRoutes = (tokens: Tokens): readonly Route[] => [
  route(listTokens, ({ caller }) => json(tokens.list(caller).map(represent))),

  {
    ...atomicChange(createToken, async ({ caller, rememberAnswer }, { name, expires_in }) =>
      withSecret(
        await tokens.create(caller, name, expires_in * 1000, token => rememberAnswer(withSecret(token))),
      ),
    ),
    secret: true,
  },

  atomicChange(deleteToken, async ({ caller, rememberAnswer, params }) => {
    const id = params[0] ?? '';
    const answer = json({ id });
    await tokens.remove(caller, id, () => rememberAnswer(answer));
    return answer;
  }),
];
