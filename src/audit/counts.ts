import type { AuditEntry } from './audit-log.ts';

/** How many kinds of requests are counted apart; all others are one kind. */
const KINDS = 20;

/** Requests of one kind: the last of them, without what differs between them. */
interface Counted {
  readonly entry: AuditEntry;
  /** When the first came, in milliseconds since 1970. */
  readonly first: number;
  readonly count: number;
}

/** Counts requests that are not written one by one. */
export interface Counts {
  add(entry: AuditEntry): void;
  /** What was counted since the last call. */
  take(): readonly Counted[];
}

/** Nothing is counted yet. */
export function createCounts(): Counts {
  let kinds = new Map<string, Counted>();

  function put(key: string, entry: AuditEntry): void {
    const known = kinds.get(key);
    const first = known?.first ?? entry.time;
    kinds.set(key, { entry, first, count: (known?.count ?? 0) + 1 });
  }

  return {
    add(entry) {
      const { operation, code, status, account, client, time } = entry;
      const common = { disks: [], node: null, vmId: null, subject: null, token: null, request: null };
      const key = [operation, code, account, client].join('\n');
      const alike = { ...entry, ...common, attempted: null };
      if (kinds.has(key) || kinds.size < KINDS) return put(key, alike);
      const rest = { time, status, code: null, operation: 'several', repeated: false, ...common };
      put('', { ...rest, account: null, client: null, attempted: null });
    },
    take() {
      const counted = [...kinds.values()];
      kinds = new Map();
      return counted;
    },
  };
}
