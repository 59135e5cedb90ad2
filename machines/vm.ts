/** A virtual machine, as the users of a disk are told apart. */
export interface Vm {
  /** The node in charge, by the name it was given: lower case, without a final dot. */
  readonly host: string;
  /** The node in charge, canonical: two names of one hypervisor have one key. */
  readonly node: string;
  /** The domain names that may mean this machine. */
  readonly names: readonly string[];
  /** The domain's UUID, or null while nobody has resolved it (a machine that is registered before its launch). */
  readonly domain: string | null;
}

/** Whether two descriptions mean one machine: by domain UUID where both have one, else by any common name on one node. */
export function sameVm(a: Vm, b: Vm): boolean {
  if (a.domain !== null && b.domain !== null) return a.domain === b.domain;
  return a.node === b.node && a.names.some(name => b.names.includes(name));
}
