import type { DiskService } from '../disks/service.ts';
import { json, jsonText } from './answer.ts';
import {
  createDisk,
  deleteDisk,
  limitUsers,
  listDisks,
  resizeDisk,
  retryDisk,
  showDisk,
} from './operations/disks.ts';
import { representDisk, representDisks } from './representation.ts';
import { type Route, route } from './route.ts';
import { diskUuid } from './uuid.ts';

/** Disks: list, show, make, remove, try again. */
export const diskRoutes = (service: DiskService): readonly Route[] => [
  route(listDisks, ({ caller }) => jsonText(representDisks(service.list(caller)))),

  route(showDisk, ({ caller, params }) => {
    const disk = service.get(caller, diskUuid(params[0]));
    return {
      ...jsonText(representDisk(disk)),
      headers: {
        'X-DiskUser-Limit': String(disk.limit),
        'X-DiskUser-Remaining': String(Math.max(0, disk.limit - disk.users)),
      },
    };
  }),

  route(deleteDisk, async ({ caller, cause, params }) => {
    const uuid = diskUuid(params[0]);
    await service.remove(caller, uuid, cause);
    return json({ uuid });
  }),

  route(createDisk, async ({ caller, cause }, { size, tag, visibility }) => {
    const { uuid } = await service.create(caller, { sizeGiB: size, tag, visibility }, cause);
    return json({ uuid }, 201);
  }),

  route(limitUsers, async ({ caller, cause, params }, { limit }) => {
    const uuid = diskUuid(params[0]);
    await service.setLimit(caller, uuid, limit, cause);
    return json({ uuid, limit: String(limit) });
  }),

  route(resizeDisk, async ({ caller, cause, params }, { size }) => {
    const uuid = diskUuid(params[0]);
    await service.grow(caller, uuid, size, cause);
    return json({ uuid, size: String(size) });
  }),

  route(retryDisk, async ({ caller, cause, params }) => {
    const uuid = diskUuid(params[0]);
    await service.retry(caller, uuid, cause);
    return json({ uuid });
  }),
];
