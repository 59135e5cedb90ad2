import type { DomainName, LiveDisk } from '../../hypervisor/hypervisor.ts';

/** A live domain that has a disk of ours, as the last look at its node showed. */
export interface Holder {
  /** Disk UUID. */
  readonly disk: string;
  /** The node's canonical key, and the name by which it is known. */
  readonly node: string;
  readonly host: string;
  readonly domain: DomainName;
  readonly target: string;
  /** What gives it away: our alias, our serial, or a path that names the volume. */
  readonly by: 'alias' | 'serial' | 'path';
  /** The path that the machine writes to. */
  readonly source: string;
  /** The machine writes to something else than the disk's volume: an overlay, or the target of a block copy. */
  readonly diverted: boolean;
}

/** Which live domains have which disks of ours, by the last look at each. */
export interface Holders {
  of(disk: string): readonly Holder[];
  all(): Iterable<Holder>;
  /** Why a node could not be looked at, by its canonical key; only those that could not. */
  unseen(): ReadonlyMap<string, string>;
  /** Resolves when every node that is linked has been looked at, or could not be. */
  ready(deadline: number): Promise<void>;
}

/** Who looks at nodes writes down here what he has seen. */
export interface HolderBook extends Holders {
  /** All that a live domain has; nothing, where it does not run. */
  put(node: string, host: string, domain: DomainName, disks: readonly LiveDisk[]): void;
  /** How many looks there have been: a list that is asked for now tells nothing of what is looked at after this. */
  looks(): number;
  /**
   * The domains that run on a node, by UUID: whatever others had there, they have no more. `before`: those that were looked at later than
   * that are kept, too.
   */
  keepOnly(node: string, domains: ReadonlySet<string>, before?: number): void;
  /** A device that has left its machine. */
  drop(node: string, domain: string, alias: string): void;
  /** Somebody has vouched that a machine is gone: it has the disk no more, until it is seen again. */
  forget(disk: string, domain: string): void;
  /** Why a node could not be looked at; null: it was. */
  looked(node: string, obstacle: string | null): void;
}

/**
 * `isDiverted`: whether a path is something else than the volume of that disk. `isKnown`: whether there is a disk with that UUID, for a
 * serial or a path may hold one that means something else.
 */
export function createHolders(parts: {
  readonly isKnown: (disk: string) => boolean;
  readonly isDiverted: (disk: string, source: string) => boolean;
  readonly ready: Holders['ready'];
}): HolderBook {
  /** By node and domain UUID, and by disk. */
  const byDomain = new Map<string, readonly (Holder & { readonly alias: string })[]>();
  /** Which look it was that showed a domain. */
  const lookOf = new Map<string, number>();
  let looks = 0;
  const byDisk = new Map<string, Set<Holder>>();
  const obstacles = new Map<string, string>();
  const keyOf = (node: string, domain: string): string => `${node}\n${domain}`;

  function replace(key: string, holders: readonly (Holder & { readonly alias: string })[]): void {
    for (const old of byDomain.get(key) ?? []) {
      const set = byDisk.get(old.disk);
      set?.delete(old);
      if (set?.size === 0) byDisk.delete(old.disk);
    }
    if (holders.length > 0) byDomain.set(key, holders);
    else {
      byDomain.delete(key);
      lookOf.delete(key);
    }
    for (const holder of holders) {
      byDisk.set(holder.disk, (byDisk.get(holder.disk) ?? new Set()).add(holder));
    }
  }

  return {
    of: disk => [...(byDisk.get(disk) ?? [])],
    *all() {
      for (const holder of [...byDomain.values()].flat()) {
        if (holder.by === 'alias' || parts.isKnown(holder.disk)) yield holder;
      }
    },
    unseen: () => obstacles,
    ready: parts.ready,
    put(node, host, domain, disks) {
      const { uuid, name } = domain;
      const holders = disks.map(({ disk, by, alias, target, source }) => ({
        disk,
        node,
        host,
        domain: { uuid, name },
        target,
        by,
        source,
        alias,
        diverted: parts.isDiverted(disk, source),
      }));
      looks += 1;
      replace(keyOf(node, uuid), holders);
      if (holders.length > 0) lookOf.set(keyOf(node, uuid), looks);
    },
    looks: () => looks,
    keepOnly(node, domains, before = looks) {
      const prefix = keyOf(node, '');
      for (const key of byDomain.keys()) {
        const isOver = key.startsWith(prefix) && !domains.has(key.slice(prefix.length));
        if (isOver && (lookOf.get(key) ?? 0) <= before) replace(key, []);
      }
    },
    drop(node, domain, alias) {
      const key = keyOf(node, domain);
      replace(
        key,
        (byDomain.get(key) ?? []).filter(holder => holder.alias !== alias),
      );
    },
    forget(disk, domain) {
      for (const { node } of [...(byDisk.get(disk) ?? [])].filter(one => one.domain.uuid === domain)) {
        const key = keyOf(node, domain);
        replace(
          key,
          (byDomain.get(key) ?? []).filter(holder => holder.disk !== disk),
        );
      }
    },
    looked(node, obstacle) {
      if (obstacle === null) obstacles.delete(node);
      else obstacles.set(node, obstacle);
    },
  };
}
