import type { NodeStatus } from '../hypervisor/hypervisor.ts';

/** How old an answer may be: whoever asks often does not make us write often. */
const KEEP_MS = 1000;
const LIMIT_MS = 2000;

interface Readiness {
  readonly ready: boolean;
  /** `full`: it takes only what frees room. */
  readonly store: 'writable' | 'full' | 'failed';
  readonly pool: 'usable' | 'failed';
  /** How many; which they are is nothing for strangers. */
  readonly nodes: { readonly up: number; readonly down: number };
}

/** Fails when the time is up. */
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
 * Whether requests can be served: the store takes a write and the pool can be used. A node that is away is told, no more, and so is a store that
 * is full: who wants to delete something must be let through.
 */
export function createReadiness(parts: {
  /** Writes something, durably. */
  readonly write: () => Promise<unknown>;
  readonly askPool: () => Promise<unknown>;
  readonly isFull: () => boolean;
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
    return {
      ready: writable && usable,
      store: writable ? taken : 'failed',
      pool: usable ? 'usable' : 'failed',
      nodes: { up, down: nodes.length - up },
    };
  };
}
