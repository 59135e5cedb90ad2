import type { LeftoverService } from '../disks/leftover-service.ts';
import type { Caller, DiskService } from '../disks/service.ts';
import { type Answer, json, jsonText } from './answer.ts';
import type { Fields } from './fields.ts';
import type { Begun } from './idempotency.ts';
import { representDisk } from './representation.ts';

const KNOWN: ReadonlySet<string | undefined> = new Set(['available', 'attached', 'hot-attached']);
const GONE: ReadonlySet<string | undefined> = new Set([undefined, 'wiping', 'unclaimed']);

/**
 * The answer to a request that a restart has interrupted after it was decided, once what it was about has come to rest; undefined
 * where nothing came of it. `path` is the pattern of its URL, `fields` its inputs.
 */
export async function recovered(
  {
    service,
    leftovers,
  }: { readonly service: DiskService; readonly leftovers: Pick<LeftoverService, 'isOverQuota'> },
  caller: Caller,
  { method, path }: { readonly method: string; readonly path: string },
  fields: Fields,
  { subject, disks, target }: Begun,
): Promise<Answer | undefined> {
  const vm = { node: String(fields.node), vm_id: String(fields.vm_id) };
  const uuid = disks[0] ?? '';
  const vouched = fields.force === undefined ? {} : { vouched: `this was vouched for: ${fields.reason}` };
  const onMachine = () => service.disksOn({ node: vm.node, vmId: vm.vm_id });
  switch (`${method} ${path}`) {
    case 'POST /api/create':
      return KNOWN.has(await service.atRest(subject)) ? json({ uuid }, 201) : undefined;
    case 'POST /api/retry/:uuid':
      return KNOWN.has(await service.atRest(subject)) ? json({ uuid }) : undefined;
    case 'PATCH /api/disks/:uuid':
      return jsonText(representDisk(service.get(caller, uuid)));
    case 'DELETE /api/disks/:uuid':
      return GONE.has(await service.atRest(subject)) ? json({ uuid }) : undefined;
    case 'POST /api/resize/:uuid':
      if (!KNOWN.has(await service.atRest(subject))) return undefined;
      if (service.get(caller, uuid).sizeGiB < Number(fields.size)) return undefined;
      return json({ uuid, size: String(fields.size) });
    case 'PUT /api/disks/:uuid/limit':
      return json({ uuid, limit: String(fields.limit) });
    case 'POST /api/hotattach/:uuid':
      if ((await service.atRest(subject)) !== 'hot-attached') return undefined;
      return json({ ...vm, target, uuid: onMachine() });
    case 'POST /api/hotdetach/:uuid':
      if (!GONE.has(await service.atRest(subject))) return undefined;
      return json({ ...vm, target, uuid: onMachine(), ...vouched });
    case 'POST /api/attach/:uuid':
      return json({ ...vm, uuid: onMachine() });
    case 'POST /api/detach':
      return json({ ...vm, uuid: disks, ...vouched });
    case 'POST /api/leftovers/:uuid/adopt':
      return json({ uuid, over_quota: leftovers.isOverQuota(String(fields.owner)) });
    case 'POST /api/leftovers/:uuid/remove':
      return GONE.has(await service.atRest(subject)) ? json({ uuid }) : undefined;
    default:
      return undefined;
  }
}
