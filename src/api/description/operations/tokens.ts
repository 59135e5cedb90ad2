import { z } from 'zod';
import { newToken, nothing } from '../inputs.ts';
import { json, operation } from '../operation.ts';
import * as outputs from '../outputs.ts';

const token = {
  id: 'V1StGXR8_Z5jdHi6B-myT',
  name: 'the backup script',
  created: '2011/07/28 15:01:40',
  expires: '2011/10/26 15:01:40',
};

export const listTokens = operation({
  id: 'listTokens',
  method: 'GET',
  path: '/api/tokens',
  group: 'tokens',
  summary: "List the caller's own tokens",
  inputs: nothing,
  outcomes: { 200: json('The tokens, oldest first', z.array(outputs.token), { tokens: [token] }) },
});

export const createToken = operation({
  id: 'createToken',
  method: 'POST',
  path: '/api/tokens',
  group: 'tokens',
  summary: 'Create a token',
  details:
    'Not with a token. A token has the rights of the account, except to create accounts and tokens and to set passwords, and is sent as ' +
    '`Authorization: Bearer TOKEN`. It ends when it expires, when the password of the account is set, and with the account.',
  inputs: newToken,
  outcomes: {
    201: json('The token; its secret is shown only this once', outputs.newToken, {
      made: { ...token, token: 'V1StGXR8_Z5jdHi6B-myT.kq0sOB7rZ3yYFt2bS7pXq1m4hVnZcLxJt8dGfUeWi5A' },
    }),
  },
  errors: ['FORBIDDEN', 'TOKEN_LIMIT'],
});

export const deleteToken = operation({
  id: 'deleteToken',
  method: 'DELETE',
  path: '/api/tokens/:id',
  group: 'tokens',
  summary: 'Delete a token',
  details: 'Accounts delete their own tokens; administrators any.',
  inputs: nothing,
  outcomes: { 200: json('The token is deleted', outputs.tokenId, { ended: { id: token.id } }) },
  errors: ['TOKEN_UNKNOWN', 'FORBIDDEN'],
});
