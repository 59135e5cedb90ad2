import type { AccountRecord } from './record.ts';

/** The account that a request is made for. */
export interface Caller {
  readonly account: string;
  /**
   * Distinguishes the account from earlier ones of the same name; accounts of versions before there were ids
   * have none.
   */
  readonly id?: string | undefined;
  readonly role: AccountRecord['role'];
}
