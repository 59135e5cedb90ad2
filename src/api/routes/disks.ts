import type { Caller } from '../../accounts/caller.ts';
import type { DiskDetails, DiskService, DiskView, Position } from '../../disks/service.ts';
import {
  createDisk,
  deleteDisk,
  editDisk,
  limitUsers,
  listDisks,
  resizeDisk,
  retryDisk,
  showDisk,
  showPool,
} from '../description/operations/disks.ts';
import { type HttpAnswer, json, jsonText, type LongBody } from '../http/answer.ts';
import type { Head } from '../http/head.ts';
import { etagOf, isCopy, versionsIn } from '../http/versions.ts';
import { detailKeys, representDetails } from '../text/details.ts';
import { representBlocks, representDisk, representDisks } from '../text/representation.ts';
import { cut, nextLink, positionText } from './paging.ts';
import { uuidOnce } from './recovering.ts';
import { change, type Route, route } from './route.ts';
import { diskUuid } from './uuid.ts';

const headersOf = ({ limit, users }: DiskView, version: string) => ({
  'X-DiskUser-Limit': String(limit),
  'X-DiskUser-Remaining': String(Math.max(0, limit - users)),
  ETag: etagOf(version),
});

/** A disk as it is now, or 304 if the client has this version. */
function show(service: DiskService, caller: Caller, uuid: string, head: Head, view?: 'full'): HttpAnswer {
  const answer = (disk: DiskView, text: () => string): HttpAnswer => {
    const version = service.version(caller, uuid);
    const headers = headersOf(disk, version);
    return isCopy(version, head.ifNoneMatch) ? jsonText('', 304, headers) : jsonText(text(), 200, headers);
  };
  if (view) {
    const details = service.getDetails(caller, uuid);
    return answer(details, () => JSON.stringify(detailKeys(details)));
  }
  const disk = service.get(caller, uuid);
  return answer(disk, () => representDisk(disk));
}

/** A page of a list; its header Link leads to the next page, if there is one. */
const pageOf = (body: string | LongBody, head: Head, last: Position | undefined): HttpAnswer =>
  jsonText(body, 200, last && { Link: nextLink(head, positionText(last)) });

/** Disks: list, show, create, edit, delete, resize, retry; and the room in the pool. */
export const diskRoutes = (service: DiskService): readonly Route[] => [
  route(listDisks, ({ caller, head }, { view, limit, ...choice }) => {
    // One more than the page shows tells whether others follow.
    const wanted = { ...choice, most: limit && limit + 1 };
    if (view) {
      let last: Position | undefined;
      const page = (): readonly DiskDetails[] => {
        const { shown, last: end } = cut(service.listDetails(caller, wanted), limit);
        last = end;
        return shown;
      };
      return representDetails(page).then(body => pageOf(body, head, last));
    }
    const everything = head.query === '' ? service.blocks(caller) : undefined;
    if (everything) return jsonText(representBlocks(everything));
    const { shown, last } = cut(service.list(caller, wanted), limit);
    return pageOf(representDisks(shown), head, last);
  }),

  route(showDisk, ({ caller, params, head }, { view }) =>
    show(service, caller, diskUuid(params[0]), head, view),
  ),

  change(deleteDisk, {
    async run({ caller, cause, params, head }) {
      const uuid = diskUuid(params[0]);
      await service.delete(caller, uuid, cause, versionsIn(head.ifMatch));
      return json({ uuid });
    },
    recover: uuidOnce(service, 'gone'),
  }),

  change(editDisk, {
    async run({ caller, cause, params, head }, edited) {
      const uuid = diskUuid(params[0]);
      await service.edit(caller, uuid, edited, cause, versionsIn(head.ifMatch));
      return show(service, caller, uuid, head);
    },
    recover: ({ caller, begun }) => jsonText(representDisk(service.get(caller, begun.disks[0] ?? ''))),
  }),

  change(createDisk, {
    async run({ caller, cause }, { size, tag, visibility }) {
      const { uuid } = await service.create(caller, { sizeGiB: size, tag, visibility }, cause);
      return json({ uuid }, 201);
    },
    recover: uuidOnce(service, 'known', 201),
  }),

  change(limitUsers, {
    async run({ caller, cause, params }, { limit }) {
      const uuid = diskUuid(params[0]);
      await service.setLimit(caller, uuid, limit, cause);
      return json({ uuid, limit: String(limit) });
    },
    recover: ({ begun }, { limit }) => json({ uuid: begun.disks[0], limit: String(limit) }),
  }),

  change(resizeDisk, {
    async run({ caller, cause, params }, { size }) {
      const uuid = diskUuid(params[0]);
      await service.resize(caller, uuid, size, cause);
      return json({ uuid, size: String(size) });
    },
    async recover({ caller, begun: { subject, disks } }, { size }) {
      const [uuid = ''] = disks;
      if ((await service.atRest(subject)) !== 'known') return undefined;
      return service.get(caller, uuid).sizeGiB < size ? undefined : json({ uuid, size: String(size) });
    },
  }),

  change(retryDisk, {
    async run({ caller, cause, params }) {
      const uuid = diskUuid(params[0]);
      await service.retry(caller, uuid, cause);
      return json({ uuid });
    },
    recover: uuidOnce(service, 'known'),
  }),

  route(showPool, async () => {
    const { capacityGiB, allocatedGiB, freeGiB } = await service.space();
    return json({ capacity: capacityGiB, allocated: allocatedGiB, free: freeGiB });
  }),
];
