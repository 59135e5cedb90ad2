import type { Hypervisor } from '../../hypervisor/hypervisor.ts';
import type { GroupCommit, Write } from '../../store/group-commit.ts';
import { prefixes } from '../../store/keys.ts';
import type { NodeRecord } from '../../store/records.ts';

/** The declaration that a node is dead: by whom, why and when, in milliseconds since 1970. */
type Declaration = NonNullable<NodeRecord['dead']>;

/**
 * Every host that was ever connected to, by the names of its node, and which nodes an administrator has
 * declared dead. Any of the others may run a VM that is not found.
 */
export interface Hosts {
  /**
   * The canonical keys of all nodes that could run a VM: the configured ones and all that were ever met,
   * without those declared dead.
   */
  candidates(): readonly string[];
  /** The canonical keys of all nodes, including those declared dead: they may come back. */
  all(): readonly string[];
  /** The host UUID on record for a node name; undefined: none. */
  uuidOf(name: string): string | undefined;
  /** Whether a node is configured or was ever met. */
  isKnown(node: string): boolean;
  /** The declaration that this node is dead; null: none. */
  declaration(node: string): Declaration | null;
  /** Records which host answers under these names. `also` is written in the same batch. */
  learn(names: readonly string[], hostUuid: string, also?: readonly Write[]): Promise<void>;
  /** Records a declaration; null revokes it. `also` is written in the same batch. */
  declare(node: string, declaration: Declaration | null, also: readonly Write[]): Promise<void>;
}

/** The hosts on record; `known` was loaded from the store. */
export function createHosts(
  groupCommit: GroupCommit,
  known: readonly NodeRecord[],
  hypervisor: Pick<Hypervisor, 'nodeKey' | 'namesOf' | 'namedNodes'>,
): Hosts {
  const records = new Map(known.map(record => [record.name, record]));

  async function write(changed: readonly NodeRecord[], also: readonly Write[]): Promise<void> {
    await groupCommit.commit([
      ...changed.map(value => ({ key: prefixes.node + value.name, value })),
      ...also,
    ]);
    for (const record of changed) records.set(record.name, record);
  }

  const keys = (): string[] => [
    ...new Set([...hypervisor.namedNodes(), ...[...records.keys()].map(hypervisor.nodeKey)]),
  ];

  const declaration = (node: string): Declaration | null =>
    hypervisor.namesOf(node).flatMap(name => records.get(name)?.dead ?? [])[0] ?? null;

  return {
    all: keys,
    candidates: () => keys().filter(node => declaration(node) === null),
    // A node that was declared dead before it was ever met has an empty UUID.
    uuidOf: name => records.get(name)?.hostUuid || undefined,
    isKnown: node => keys().includes(node),
    declaration,
    learn(names, hostUuid, also = []) {
      return write(
        names.map(name => ({ v: 2, name, hostUuid, dead: records.get(name)?.dead ?? null })),
        also,
      );
    },
    declare(node, dead, also) {
      const changed = hypervisor
        .namesOf(node)
        .map(name => ({ v: 2 as const, name, hostUuid: records.get(name)?.hostUuid ?? '', dead }));
      return write(changed, also);
    },
  };
}
