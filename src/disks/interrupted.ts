import { setTimeout as delay } from 'node:timers/promises';
import { errorOf } from '../errors.ts';
import { disksOf } from './answers.ts';
import type { Parts } from './parts.ts';
import {
  isDiskKey,
  isGone,
  isKnown,
  isPlugged,
  isWaiting,
  type Kept,
  type KeptAttachment,
  type KeptDisk,
} from './records.ts';
import type { AtRest, DiskService } from './service.ts';

const LOOK_MS = 50;
/** How long a request waits for what another one, before a restart, has begun. */
const PATIENCE_MS = 60_000;

/** What is at the key of an actor that waits for nobody. */
function restOf(key: string, record: Kept | undefined): AtRest {
  if (isGone(record)) return 'gone';
  if (isDiskKey(key)) return isKnown(record as KeptDisk) ? 'known' : 'other';
  return isPlugged(record as KeptAttachment) ? 'plugged' : 'other';
}

/** What became of requests that a restart has interrupted, for those who ask again. */
export const interrupted = ({
  committed,
  hypervisor,
  now,
}: Parts): Pick<DiskService, 'atRest' | 'disksOn'> => ({
  async atRest(key) {
    const limit = now() + PATIENCE_MS;
    for (;;) {
      const record = committed.get(key);
      if (!record || isGone(record) || !isWaiting(record)) return restOf(key, record);
      if (now() > limit) throw errorOf('KEY_PENDING');
      await delay(LOOK_MS);
    }
  },
  disksOn: ({ node, vmId }) => disksOf(committed, hypervisor.vm(node, vmId)),
});
