import type { Tokens, TokenView } from '../accounts/tokens.ts';
import { json } from './answer.ts';
import { createToken, deleteToken, listTokens } from './operations/tokens.ts';
import { timestamp } from './representation.ts';
import { type Route, route } from './route.ts';

const represent = ({ id, name, created, expires }: TokenView) => ({
  id,
  name,
  created: timestamp(created),
  expires: timestamp(expires),
});

/** API tokens: everybody his own. */
export const tokenRoutes = (tokens: Tokens): readonly Route[] => [
  route(listTokens, ({ caller }) => json(tokens.list(caller).map(represent))),

  {
    ...route(createToken, async ({ caller }, { name, expires_in }) => {
      const { secret, ...token } = await tokens.create(caller, name, expires_in * 1000);
      const headers = { 'Cache-Control': 'no-store' };
      return { ...json({ ...represent(token), token: secret }, 201), headers };
    }),
    secret: true,
  },

  route(deleteToken, async ({ caller, params }) => {
    const id = params[0] ?? '';
    await tokens.remove(caller, id);
    return json({ id });
  }),
];
