import { createAnswerOnce, type KeyRecord } from '../../../src/api/idempotency.ts';

/** Answers to requests with an Idempotency-Key, over a store in memory that holds these records. */
export const answerOnce = (records: readonly KeyRecord[] = [], now = Date.now) =>
  createAnswerOnce({ load: async () => records, commit: async () => {} }, now);
