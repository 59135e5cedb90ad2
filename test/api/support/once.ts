import { hashPassword, matchesPassword } from '../../../src/accounts/password.ts';
import { createAnswers, type KeyRecord } from '../../../src/api/routes/idempotency.ts';
import { cheap } from '../../accounts/support/memory-store.ts';

/** The cheapest parameters that scrypt takes, so that tests are fast. */
export const passwords: Parameters<typeof createAnswers>[1] = {
  hash: (_account, password) => hashPassword(password, cheap),
  matches: (_account, password, kept) => matchesPassword(password, kept),
};

/** Answers to requests with an Idempotency-Key, over a store in memory that begins with these records. */
export const answers = (records: readonly KeyRecord[] = [], now = Date.now) =>
  createAnswers({ load: async () => records, commit: async () => {} }, passwords, now);
