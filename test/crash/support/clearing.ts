// Ends a point: everything that it made is removed through the API, so that nothing may be left at all.
import { randomUUID } from 'node:crypto';
import type { Site } from './site.ts';
import { look } from './view.ts';

const ACCOUNTS = new Set(['admin', 'alice', 'cloud']);
const TOKEN = 'matrix';

/** Removes disks, leftovers, accounts, tokens and VMs. Throws where a request is refused. */
export async function clear(site: Site): Promise<void> {
  const { disks, leftovers, accounts } = await look(site);
  for (const { uuid, attachments } of disks) {
    for (const { mode, node, vm_id, doubt } of attachments) {
      const form = { node, vm_id };
      if (mode === 'hot' && !doubt) await site.demand('POST', `/api/hotdetach/${uuid}`, { form });
      else await site.ask('POST', '/api/detach', { as: 'cloud', form });
    }
    await site.demand('DELETE', `/api/disks/${uuid}`, { key: randomUUID() });
  }
  for (const uuid of leftovers) await site.demand('POST', `/api/leftovers/${uuid}/remove`);
  for (const { name } of accounts) if (!ACCOUNTS.has(name)) await site.demand('DELETE', `/api/users/${name}`);
  for (const { id, name } of await site.demand<{ id: string; name: string }[]>('GET', '/api/tokens'))
    if (name !== TOKEN) await site.demand('DELETE', `/api/tokens/${id}`);
  for (const fake of [site.n1, site.n2]) {
    for (const vm of fake.vms.all()) {
      if (vm.id !== -1) fake.destroy(vm.name);
      fake.vms.undefine(vm, true);
    }
  }
}
