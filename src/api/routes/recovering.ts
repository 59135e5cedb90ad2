import type { AtRest, DiskService } from '../../disks/service.ts';
import { type HttpAnswer, json } from '../http/answer.ts';
import type { Begun } from './idempotency.ts';

/** Recovers the answer with a disk's UUID if the actor of the interrupted request is at rest as `wanted`. */
export const uuidOnce =
  (service: Pick<DiskService, 'atRest'>, wanted: AtRest, status = 200) =>
  async ({ begun: { subject, disks } }: { readonly begun: Begun }): Promise<HttpAnswer | undefined> =>
    (await service.atRest(subject)) === wanted ? json({ uuid: disks[0] }, status) : undefined;
