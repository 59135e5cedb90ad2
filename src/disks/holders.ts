/** A live domain that has a disk of ours, as the last look at its node showed. */
export interface Holder {
  /** Disk UUID. */
  readonly disk: string;
  /** The node's canonical key, and the name by which it is known. */
  readonly node: string;
  readonly host: string;
  readonly domain: { readonly uuid: string; readonly name: string };
  readonly target: string;
  /** What gives it away: our alias, our serial, or a path that names the volume. */
  readonly by: 'alias' | 'serial' | 'path';
  /** The path that the machine writes to. */
  readonly source: string;
  /** The machine writes to something else than the disk's volume: an overlay, or the target of a block copy. */
  readonly diverted: boolean;
}
export interface Holders {
  of(disk: string): readonly Holder[];
  all(): Iterable<Holder>;
  /** Why a node could not be looked at, by its canonical key; only those that could not. */
  unseen(): ReadonlyMap<string, string>;
  /** Resolves when every node that is linked has been looked at, or could not be. */
  ready(deadline: number): Promise<void>;
}
