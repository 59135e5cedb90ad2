import { PASSWORD } from './process.ts';
import type { Site } from './site.ts';
import { type Operation, succeeded, type Trial } from './trial.ts';
import type { View } from './view.ts';

const accountIn = (view: View, name: string): View['accounts'][number] | undefined =>
  view.accounts.find(account => account.name === name);

const quotaOf = (view: View, name: string): string | null | undefined => accountIn(view, name)?.quota.disks;

async function newAccount(site: Site, role = 'user'): Promise<string> {
  const name = `somebody-${site.next()}`;
  await site.demand('PUT', `/api/users/${name}`, { form: { password: PASSWORD, role } });
  return name;
}

const setQuota = { form: { disks: '7', size: '70' } };

/** Operations on accounts, tokens and quotas. */
export const accountOperations: readonly Operation[] = [
  {
    name: 'new account',
    isRequest: true,
    async prepare(site) {
      const name = `somebody-${site.next()}`;
      const form = { password: PASSWORD, role: 'user' };
      return {
        act: key => site.ask('PUT', `/api/users/${name}`, { form, key }),
        done: view => accountIn(view, name) !== undefined,
        undone: view => accountIn(view, name) === undefined,
        repeated: succeeded,
      };
    },
  },
  {
    name: 'new role of an account',
    isRequest: true,
    async prepare(site) {
      const name = await newAccount(site);
      const form = { password: 'another password', role: 'service' };
      return {
        act: key => site.ask('PUT', `/api/users/${name}`, { form, key }),
        done: view => accountIn(view, name)?.role === 'service',
        undone: view => accountIn(view, name)?.role === 'user',
        repeated: succeeded,
      };
    },
  },
  {
    name: 'end of an account',
    isRequest: true,
    async prepare(site) {
      const name = await newAccount(site);
      await site.demand('PUT', `/api/users/${name}/quota`, setQuota);
      return {
        act: key => site.ask('DELETE', `/api/users/${name}`, { key }),
        done: view => accountIn(view, name) === undefined,
        undone: view => accountIn(view, name) !== undefined,
        repeated: succeeded,
      };
    },
  },
  {
    name: 'new token',
    isRequest: true,
    async prepare(site) {
      const name = `token ${site.next()}`;
      const count = ({ tokens }: View): number => tokens.filter(one => one === name).length;
      return {
        act: key => site.ask('POST', '/api/tokens', { as: 'root', form: { name }, key }),
        done: view => count(view) === 1,
        undone: view => count(view) === 0,
        // The secret is told once; the token of a lost answer is there and has to be replaced.
        repeated: answer => succeeded(answer) || answer.code === 'KEY_SECRET',
      };
    },
  },
  {
    name: 'end of a token',
    isRequest: true,
    async prepare(site) {
      const name = `token ${site.next()}`;
      const { id } = await site.demand<{ id: string }>('POST', '/api/tokens', { as: 'root', form: { name } });
      return {
        act: key => site.ask('DELETE', `/api/tokens/${id}`, { key }),
        done: ({ tokens }) => !tokens.includes(name),
        undone: ({ tokens }) => tokens.includes(name),
        repeated: succeeded,
      };
    },
  },
  {
    name: 'new quota',
    isRequest: true,
    async prepare(site): Promise<Trial> {
      const name = await newAccount(site);
      return {
        act: key => site.ask('PUT', `/api/users/${name}/quota`, { ...setQuota, key }),
        done: view => quotaOf(view, name) === '7',
        undone: view => quotaOf(view, name) === null,
        repeated: succeeded,
      };
    },
  },
  {
    name: 'end of a quota',
    isRequest: true,
    async prepare(site): Promise<Trial> {
      const name = await newAccount(site);
      await site.demand('PUT', `/api/users/${name}/quota`, setQuota);
      return {
        act: key => site.ask('DELETE', `/api/users/${name}/quota`, { key }),
        done: view => quotaOf(view, name) === null,
        undone: view => quotaOf(view, name) === '7',
        repeated: succeeded,
      };
    },
  },
];
