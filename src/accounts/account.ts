import type { Caller } from './caller.ts';
import type { AccountRecord } from './record.ts';

/**
 * An account in memory. New credentials or another role make a new object, so that code which holds the old
 * one can tell that the account has changed.
 */
export interface Account {
  record: AccountRecord;
  /**
   * The object that requests of this account carry. It is compared by identity: another object, even if
   * equal, belongs to an account that has changed since.
   */
  readonly caller: Caller;
  /** Resolves when the record is on disk; rejects with STORE_FAILED. */
  written: Promise<void>;
}
