// A program written from the OpenAPI document alone: its types check every path, input and answer.
import createClient from 'openapi-fetch';
import type { paths } from '../../dist/client/pdisk.ts';

/** Creates a disk, plugs it into a VM, unplugs it, and deletes it; returns the answers. */
export async function drive(baseUrl: string, authorization: string, vm: { node: string; vm_id: string }) {
  const client = createClient<paths>({ baseUrl, headers: { authorization } });

  const created = await client.POST('/api/create', {
    body: { size: 2, tag: 'a simple disk', visibility: 'private' },
  });
  if (!created.data) throw new Error(created.error.message.join('; '));
  const path = { uuid: created.data.uuid };

  const plugged = await client.POST('/api/hotattach/{uuid}', { params: { path }, body: vm });
  if (!plugged.data) throw new Error(plugged.error.message.join('; '));
  const target: string = plugged.data.target;

  const inUse = await client.DELETE('/api/disks/{uuid}', { params: { path } });
  const refused: string[] = inUse.error?.message ?? [];

  const unplugged = await client.POST('/api/hotdetach/{uuid}', { params: { path }, body: vm });
  if (!unplugged.data) throw new Error(unplugged.error.message.join('; '));
  const remaining: string[] = unplugged.data.uuid;

  const deleted = await client.DELETE('/api/disks/{uuid}', { params: { path } });
  if (!deleted.data) throw new Error(deleted.error.message.join('; '));

  const disks = await client.GET('/api/disks');
  return { uuid: deleted.data.uuid, target, refused, remaining, left: disks.data?.length };
}
