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
}

/** An empty set of runs. */
export function createRuns(): Runs {
  const nodes = new Map<string, { readonly generation: number; readonly ids: Map<string, number> }>();
  return {
    begin(node, generation) {
      nodes.set(node, { generation, ids: new Map() });
    },
    seen(node, generation, domain, id) {
      const known = nodes.get(node);
      if (known?.generation === generation) known.ids.set(domain, id);
    },
    started(node, domain, id) {
      nodes.get(node)?.ids.set(domain, id);
    },
    ended(node, domain) {
      const ids = nodes.get(node)?.ids;
      const id = ids?.get(domain);
      ids?.delete(domain);
      return id;
    },
  };
}
