import type { AccountRecord } from './record.ts';

/** Who asks. */
export interface Caller {
  readonly account: string;
  /** Tells the account from others that had its name before; one from before there were ids has none. */
  readonly id?: string | undefined;
  readonly role: AccountRecord['role'];
}
