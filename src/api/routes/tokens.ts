import type { Tokens, TokenView } from '../../accounts/tokens.ts';
import { createToken, deleteToken, listTokens } from '../description/operations/tokens.ts';
import { type HttpAnswer, json } from '../http/answer.ts';
import { timestamp } from '../text/representation.ts';
import { keptChange, type Route, route } from './route.ts';

const represent = ({ id, name, created, expires }: TokenView) => ({
  id,
  name,
  created: timestamp(created),
  expires: timestamp(expires),
});

const told = (token: TokenView & { readonly secret: string }): HttpAnswer =>
  json({ ...represent(token), token: token.secret }, 201);

/** API tokens: everybody his own. */
export const tokenRoutes = (tokens: Tokens): readonly Route[] => [
  route(listTokens, ({ caller }) => json(tokens.list(caller).map(represent))),

  {
    ...keptChange(createToken, async ({ caller, keep }, { name, expires_in }) =>
      told(await tokens.create(caller, name, expires_in * 1000, token => keep(told(token)))),
    ),
    secret: true,
  },

  keptChange(deleteToken, async ({ caller, keep, params }) => {
    const id = params[0] ?? '';
    const answer = json({ id });
    await tokens.remove(caller, id, () => keep(answer));
    return answer;
  }),
];
