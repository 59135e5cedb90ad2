import { accountKinds } from './accounts/record.ts';
import { keyKind } from './api/routes/idempotency.ts';
import type { RecordKind } from './store/record-kind.ts';
import { kinds } from './store/records.ts';

/** Every kind of record that a store of this pdisk may hold. */
export const recordKinds: readonly RecordKind[] = [
  ...Object.values(kinds),
  ...Object.values(accountKinds),
  keyKind,
];
