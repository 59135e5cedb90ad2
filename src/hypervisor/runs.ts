/**
 * The runs of machines that were seen on the present connections: a run that is seen to end on the connection on which it was seen
 * is over; of one that ended while nobody looked, little can be said. It lives in memory only, for no connection outlives the process.
 */
export interface Runs {
  /** Forgets all of a node: it has a new connection, and what happened before it was up is not known. */
  begin(node: string, generation: number): void;
  /** A machine was seen running; heard only if that connection is still the present one. */
  seen(node: string, generation: number, domain: string, id: number): void;
  /** The same, told by an event, which comes over the present connection. */
  started(node: string, domain: string, id: number): void;
  /** Its id, if it was seen running; it is not running any more. */
  ended(node: string, domain: string): number | undefined;
}

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
