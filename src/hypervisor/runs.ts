/**
 * The runs of domains that were seen on the current connections, by node and domain UUID. A run is proved to
 * be over if the connection on which it was seen also shows its end; while there is no connection, events are
 * lost. In memory only, because no connection outlives the process.
 */
export interface Runs {
  /** Forgets all runs of a node: it has a new connection, and earlier events may have been lost. */
  begin(node: string, generation: number): void;
  /** Records a run that a query has shown; ignored if `generation` is not the current connection. */
  seen(node: string, generation: number, domain: string, id: number): void;
  /** Records a run that an event of the current connection has shown. */
  started(node: string, domain: string, id: number): void;
  /** Forgets the run of a domain that has ended; returns its id, or undefined if it was not seen. */
  ended(node: string, domain: string): number | undefined;
  /** Forgets the run of a domain that goes on elsewhere or later: it was saved, or has migrated. */
  left(node: string, domain: string): void;
  /**
   * The id of the run of which the end is the last that the present connection has shown of a domain; null:
   * that run was not seen. Undefined: the domain was seen to start or to leave since, or there was no end.
   */
  lastEnd(node: string, domain: string): number | null | undefined;
}

/**
 * How many ends are remembered of each node, the newest ones: a connection may last for months. An end that
 * is forgotten proves nothing.
 */
const MOST_ENDS = 10_000;

interface OfNode {
  readonly generation: number;
  /** The ids of present runs, by domain UUID. */
  readonly ids: Map<string, number>;
  /** The ids of the last runs of domains whose end was the last that was seen; null: the run was not. */
  readonly over: Map<string, number | null>;
}

/** An empty set of runs. */
export function createRuns(): Runs {
  const nodes = new Map<string, OfNode>();

  function note({ ids, over }: OfNode, domain: string, id: number): void {
    // The answer to a query that began before the run has ended.
    if (over.get(domain) === id) return;
    ids.set(domain, id);
    over.delete(domain);
  }

  /** The first key of a Map is the oldest. */
  function forgetOldest(over: OfNode['over']): void {
    for (const domain of over.keys()) {
      over.delete(domain);
      return;
    }
  }

  return {
    begin(node, generation) {
      nodes.set(node, { generation, ids: new Map(), over: new Map() });
    },
    seen(node, generation, domain, id) {
      const known = nodes.get(node);
      if (known?.generation === generation) note(known, domain, id);
    },
    started(node, domain, id) {
      const known = nodes.get(node);
      if (known) note(known, domain, id);
    },
    ended(node, domain) {
      const known = nodes.get(node);
      const id = known?.ids.get(domain);
      known?.ids.delete(domain);
      known?.over.set(domain, id ?? null);
      if (known && known.over.size > MOST_ENDS) forgetOldest(known.over);
      return id;
    },
    left(node, domain) {
      const known = nodes.get(node);
      known?.ids.delete(domain);
      known?.over.delete(domain);
    },
    lastEnd: (node, domain) => nodes.get(node)?.over.get(domain),
  };
}
