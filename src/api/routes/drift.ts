import type { DriftService } from '../../disks/drift/drift-watch.ts';
import type { DiskService } from '../../disks/service.ts';
import type { LeftoverService, LeftoverView } from '../../disks/services/leftover-service.ts';
import { adoptLeftover, listDrift, listLeftovers, removeLeftover } from '../description/operations/drift.ts';
import { json, jsonText } from '../http/answer.ts';
import { longList } from '../http/long-list.ts';
import { differenceKeys, instant } from '../text/event-text.ts';
import { uuidOnce } from './recovering.ts';
import { change, type Route, route } from './route.ts';
import { diskUuid } from './uuid.ts';

const leftoverKeys = (leftover: LeftoverView) => ({
  uuid: leftover.uuid,
  size: leftover.bytes,
  created: leftover.createdMs === undefined ? null : instant(leftover.createdMs),
  since: instant(leftover.since),
  written: leftover.writtenBytes === undefined ? null : leftover.writtenBytes > 0,
  obstacle: leftover.obstacle ?? null,
  holders: leftover.holders.map(({ host, domain, target }) => ({
    node: host,
    vm: domain.name,
    domain: domain.uuid,
    target,
  })),
});

/** The differences between records, pool and domains, and the volumes that belong to no disk. */
export const driftRoutes = (
  drift: DriftService,
  leftovers: LeftoverService,
  service: Pick<DiskService, 'atRest'>,
): readonly Route[] => [
  route(listDrift, async ({ caller }) => {
    const found = await drift.list(caller);
    return jsonText(await longList(() => found, differenceKeys));
  }),

  route(listLeftovers, async ({ caller }) => {
    const found = await leftovers.list(caller);
    return jsonText(await longList(() => found, leftoverKeys));
  }),

  change(adoptLeftover, {
    async run({ caller, cause, params }, adoption) {
      const uuid = diskUuid(params[0]);
      const { overQuota } = await leftovers.adopt(caller, uuid, adoption, cause);
      return json({ uuid, over_quota: overQuota });
    },
    recover: ({ begun }, { owner }) =>
      json({ uuid: begun.disks[0], over_quota: leftovers.isOverQuota(owner) }),
  }),

  change(removeLeftover, {
    async run({ caller, cause, params }) {
      const uuid = diskUuid(params[0]);
      await leftovers.remove(caller, uuid, cause);
      return json({ uuid });
    },
    recover: uuidOnce(service, 'gone'),
  }),
];
