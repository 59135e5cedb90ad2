import type { Caller } from './caller.ts';
import type { AccountRecord } from './record.ts';

/** An account in memory. Changed credentials or another role make another object of it, so that whoever holds the old one can tell. */
export interface Account {
  record: AccountRecord;
  /** The very object that requests carry: another one, even if equal, is of an account that was changed. */
  readonly caller: Caller;
  /** When the record is on disk; rejects with STORE_FAILED. */
  written: Promise<void>;
}
