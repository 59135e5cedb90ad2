import type { NodeStatus } from '../hypervisor/hypervisor.ts';

/** How long a result is reused: frequent probes must not cause as many writes. */
const KEEP_MS = 1000;
/** How long the store and the pool may take to answer. */
const LIMIT_MS = 2000;

/** The body of `GET /readyz`. */
interface Readiness {
  readonly ready: boolean;
  /** Whether the service stops: reads are still answered, changes are refused. */
  readonly stopping: boolean;
  /** `full`: only requests that free room are accepted. */
  readonly store: 'writable' | 'full' | 'failed';
  readonly pool: 'usable' | 'failed';
  /** Counts only: `/readyz` is answered without credentials, so it names no nodes. */
  readonly nodes: { readonly up: number; readonly down: number };
}

/** Whether the work succeeds within LIMIT_MS. Never rejects. */
function inTime(work: Promise<unknown>): Promise<boolean> {
  return new Promise(resolve => {
    const timer = setTimeout(resolve, LIMIT_MS, false);
    work.then(
      () => resolve(true),
      () => resolve(false),
    );
    void work.finally(() => clearTimeout(timer)).catch(() => {});
  });
}

/**
 * Whether requests can be served (`GET /readyz`): the store accepts a write, the pool can be used, and the
 * service does not stop.
 * Unreachable nodes and a full store are reported, but do not make the service unready: requests that free
 * room must still get through.
 */
export function createReadiness(parts: {
  /** Writes a record durably. */
  readonly write: () => Promise<unknown>;
  readonly askPool: () => Promise<unknown>;
  readonly isFull: () => boolean;
  readonly isStopping: () => boolean;
  readonly nodes: () => readonly NodeStatus['state'][];
}): () => Promise<Readiness> {
  let known: { readonly at: number; readonly found: Promise<readonly [boolean, boolean]> } | undefined;

  return async () => {
    if (!known || performance.now() - known.at > KEEP_MS) {
      known = {
        at: performance.now(),
        found: Promise.all([inTime(parts.write()), inTime(parts.askPool())]),
      };
    }
    const [writable, usable] = await known.found;
    const nodes = parts.nodes();
    const up = nodes.filter(state => state === 'up').length;
    const taken = parts.isFull() ? 'full' : 'writable';
    const stopping = parts.isStopping();
    return {
      ready: writable && usable && !stopping,
      stopping,
      store: writable ? taken : 'failed',
      pool: usable ? 'usable' : 'failed',
      nodes: { up, down: nodes.length - up },
    };
  };
}
