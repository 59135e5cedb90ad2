import { z } from 'zod';
import { newAccount, newPassword, newQuota, nothing } from '../inputs.ts';
import { json, operation } from '../operation.ts';
import { account, accountName, listedAccount, quota } from '../outputs.ts';

const test = { name: 'test' };
const testUser = { name: 'test', role: 'user' };

export const listAccounts = operation({
  id: 'listAccounts',
  method: 'GET',
  path: '/api/users',
  group: 'accounts',
  summary: 'List accounts',
  details: 'For administrators: each with what it has and its quota.',
  inputs: nothing,
  outcomes: {
    200: json('The accounts by name', z.array(listedAccount), {
      accounts: [
        { name: 'admin', role: 'admin', disks: '0', size: '0', quota: { disks: null, size: null } },
        { ...testUser, disks: '2', size: '3', quota: { disks: '10', size: '100' } },
      ],
    }),
  },
  errors: ['FORBIDDEN'],
});

export const putAccount = operation({
  id: 'putAccount',
  method: 'PUT',
  path: '/api/users/:account',
  group: 'accounts',
  summary: 'Create an account, or replace it',
  details:
    'For administrators, and not with a token. A replaced account loses its tokens and its open event streams. An account that is ' +
    'created under the name of a deleted one is another account: it owns nothing of the old one.',
  inputs: newAccount,
  outcomes: {
    200: json('The account is replaced', account, { replaced: testUser }),
    201: json('The account is created', account, { made: testUser }),
  },
  errors: ['FORBIDDEN', 'LAST_ADMINISTRATOR'],
});

export const deleteAccount = operation({
  id: 'deleteAccount',
  method: 'DELETE',
  path: '/api/users/:account',
  group: 'accounts',
  summary: 'Delete an account',
  details: 'For administrators; only when it owns no disks.',
  inputs: nothing,
  outcomes: { 200: json('The account is deleted', accountName, { deleted: test }) },
  errors: ['FORBIDDEN', 'ACCOUNT_UNKNOWN', 'ACCOUNT_OWNS_DISKS', 'LAST_ADMINISTRATOR'],
});

export const setPassword = operation({
  id: 'setPassword',
  method: 'PUT',
  path: '/api/users/me/password',
  group: 'accounts',
  summary: "Change the caller's own password",
  details: 'Not with a token. The account loses its tokens, and its event streams end.',
  inputs: newPassword,
  outcomes: { 200: json('The password is changed', accountName, { changed: test }) },
  errors: ['FORBIDDEN'],
});

export const setQuota = operation({
  id: 'setQuota',
  method: 'PUT',
  path: '/api/users/:account/quota',
  group: 'accounts',
  summary: 'Set the quota of an account',
  details: 'For administrators. Disks that exceed a lower quota stay.',
  inputs: newQuota,
  outcomes: {
    200: json('The new quota', quota, { quota: { name: 'test', disks: '10', size: '100' } }),
  },
  errors: ['FORBIDDEN', 'ACCOUNT_UNKNOWN'],
});

export const deleteQuota = operation({
  id: 'deleteQuota',
  method: 'DELETE',
  path: '/api/users/:account/quota',
  group: 'accounts',
  summary: 'Reset the quota of an account',
  details: 'For administrators. From then on the quota of the configuration applies.',
  inputs: nothing,
  outcomes: { 200: json('The quota is reset', accountName, { taken: test }) },
  errors: ['FORBIDDEN', 'ACCOUNT_UNKNOWN'],
});
