/** The identity of a VM, by which the users of a disk are told apart. */
export interface Vm {
  /** The node's name as in the request, in lower case and without a final dot. */
  readonly host: string;
  /** The node's canonical key: two names of one libvirt URI have the same key. */
  readonly node: string;
  /** The domain names that may mean this VM. */
  readonly names: readonly string[];
  /** The domain's UUID; null: not known yet, for a VM that was registered before its launch. */
  readonly domain: string | null;
}

/**
 * Whether two descriptions mean one VM: by domain UUID if both have one, else by a common name on one node.
 */
export function sameVm(a: Vm, b: Vm): boolean {
  if (a.domain !== null && b.domain !== null) return a.domain === b.domain;
  return a.node === b.node && a.names.some(name => b.names.includes(name));
}
