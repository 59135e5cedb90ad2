import type { DomainName, LiveDisk } from '../../hypervisor/hypervisor.ts';

/** A live domain that had one of our disks at the last inspection of its node. */
export interface Holder {
  /** Disk UUID. */
  readonly disk: string;
  /** The node's canonical key; `host` is its name. */
  readonly node: string;
  readonly host: string;
  readonly domain: DomainName;
  readonly target: string;
  /** How the disk was recognised: by our alias, our serial, or a path that names the volume. */
  readonly by: 'alias' | 'serial' | 'path';
  /** The path that the VM writes to. */
  readonly source: string;
  /**
   * Whether the VM writes to something else than the disk's volume: an overlay, or the target of a block
   * copy.
   */
  readonly diverted: boolean;
}

/** Which live domains have which of our disks, by the last inspection of each. */
export interface Holders {
  /** The live domains that have this disk. */
  of(disk: string): readonly Holder[];
  /** All holders; those recognised by serial or path only if the disk exists. */
  all(): Iterable<Holder>;
  /** The nodes that could not be inspected, by canonical key, each with the reason. */
  unseen(): ReadonlyMap<string, string>;
  /**
   * Resolves when every linked node has been inspected, or could not be, at the deadline (milliseconds since
   * 1970) at the latest; and then when every expected inspection has ended.
   */
  ready(deadline: number): Promise<void>;
}

/** The writing side of `Holders`, for code that inspects nodes. */
export interface HolderBook extends Holders {
  /** Sets all disks of a live domain; none for a domain that does not run. */
  put(node: string, host: string, domain: DomainName, disks: readonly LiveDisk[]): void;
  /**
   * Announces an inspection that may find a new holder: `ready` waits for it. It must have a deadline, and
   * must not reject.
   */
  expect(inspection: Promise<unknown>): void;
  /**
   * The number of `put` calls so far: a list of domains that is requested now proves nothing about domains
   * put after it.
   */
  looks(): number;
  /**
   * Forgets all domains on this node but these running ones, given by UUID, and but those put after call
   * number `before`.
   */
  keepOnly(node: string, domains: ReadonlySet<string>, before?: number): void;
  /** Forgets a device that has left its VM. */
  drop(node: string, domain: string, alias: string): void;
  /**
   * Forgets a disk of a VM that an administrator or the frontend has reported gone, until the VM is seen with
   * it again.
   */
  forget(disk: string, domain: string): void;
  /** Sets why a node could not be inspected; null: it was inspected. */
  looked(node: string, obstacle: string | null): void;
}

/**
 * `isDiverted`: whether a path is something else than the volume of that disk. `isKnown`: whether a disk with
 * that UUID exists, since a foreign serial or path may look like one of ours.
 */
export function createHolders(parts: {
  readonly isKnown: (disk: string) => boolean;
  readonly isDiverted: (disk: string, source: string) => boolean;
  readonly ready: Holders['ready'];
}): HolderBook {
  /** Keyed by node and domain UUID. */
  const byDomain = new Map<string, readonly (Holder & { readonly alias: string })[]>();
  /** The number of the last `put` call for each domain. */
  const lookOf = new Map<string, number>();
  let looks = 0;
  const byDisk = new Map<string, Set<Holder>>();
  const obstacles = new Map<string, string>();
  const expected = new Set<Promise<unknown>>();
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
    async ready(deadline) {
      await parts.ready(deadline);
      await Promise.all(expected);
    },
    expect(inspection) {
      expected.add(inspection);
      void inspection.then(() => expected.delete(inspection));
    },
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
