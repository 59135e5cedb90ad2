import { setTimeout as delay } from 'node:timers/promises';
import { errorOf } from '../../errors.ts';
import {
  isDiskKey,
  isGone,
  isKnown,
  isPlugged,
  isWaiting,
  type StoredAttachment,
  type StoredDisk,
  type StoredRecord,
} from '../records/records.ts';
import type { AtRest, DiskService } from '../service.ts';
import type { Parts } from './parts.ts';
import { disksOf } from './results.ts';

const LOOK_MS = 50;
/** How long a request waits for what an earlier request began before a restart, in milliseconds. */
const INTERRUPTED_WAIT_MS = 60_000;

/** The state of an actor that waits for nothing. */
function restOf(key: string, record: StoredRecord | undefined): AtRest {
  if (isGone(record)) return 'gone';
  if (isDiskKey(key)) return isKnown(record as StoredDisk) ? 'known' : 'other';
  return isPlugged(record as StoredAttachment) ? 'plugged' : 'other';
}

/** The results of requests that a restart interrupted, for clients that repeat them. */
export const afterRestart = ({
  committed,
  hypervisor,
  now,
}: Parts): Pick<DiskService, 'atRest' | 'disksOn'> => ({
  async atRest(key) {
    const limit = now() + INTERRUPTED_WAIT_MS;
    for (;;) {
      const record = committed.get(key);
      if (!record || isGone(record) || !isWaiting(record)) return restOf(key, record);
      if (now() > limit) throw errorOf('KEY_PENDING');
      await delay(LOOK_MS);
    }
  },
  disksOn: ({ node, vmId }) => disksOf(committed, hypervisor.vm(node, vmId)),
});
