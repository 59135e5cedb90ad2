/**
 * Codes with which a chart refuses an event: a mistake of the sender, or a rule. A refusal changes nothing.
 */
export type Refusal =
  | 'DISK_UNKNOWN'
  | 'DISK_IN_USE'
  | 'DISK_NOT_FAILED'
  | 'DISK_BUSY'
  | 'DISK_CHANGED'
  | 'NOT_LARGER'
  | 'QUOTA_EXCEEDED'
  | 'NO_SPACE'
  | 'LIMIT_REACHED'
  | 'TOO_MANY_USERS'
  | 'TOO_MANY_ON_VM'
  | 'ALREADY_ATTACHED'
  | 'HOT_PLUGGED'
  | 'NOT_HOT_PLUGGED'
  | 'ATTACH_IN_PROGRESS'
  | 'VM_RUNNING'
  | 'VM_FATE_UNKNOWN'
  | 'NODE_DECLARED_DEAD'
  | 'NO_FREE_TARGET'
  | 'TARGET_TAKEN'
  | 'ATTACHMENT_UNKNOWN'
  | 'LEFTOVER_UNUSABLE'
  | 'NODES_SILENT';

/** Codes of what went wrong outside: the pool, the node or the guest did not do what a chart asked for. */
export type Failure =
  | 'VOLUME_FAILED'
  | 'POOL_FULL'
  | 'POOL_UNAVAILABLE'
  | 'POOL_BUSY'
  | 'CREATE_TIMEOUT'
  | 'CREATE_INTERRUPTED'
  | 'CREATE_NOT_UNDONE'
  | 'REMOVE_FAILED'
  | 'REMOVE_TIMEOUT'
  | 'WIPE_FAILED'
  | 'GROW_FAILED'
  | 'GROW_TIMEOUT'
  | 'NODE_NOT_CONFIGURED'
  | 'NODE_UNREACHABLE'
  | 'NODE_DECLARED_DEAD'
  | 'NODE_DOUBTED'
  | 'VM_UNKNOWN'
  | 'VM_NOT_RUNNING'
  | 'VM_STOPPED'
  | 'NO_PCI_SLOT'
  | 'IMAGE_LOCKED'
  | 'TARGET_TAKEN'
  | 'PLUG_REFUSED'
  | 'PLUG_UNKNOWN'
  | 'GUEST_KEPT_DISK'
  | 'DISK_DIVERTED'
  | 'BLOCK_JOB'
  | 'DEFINITION_KEEPS_DISK'
  | 'UNPLUG_REFUSED'
  | 'UNPLUG_UNKNOWN';

/** A code with the message of the pool, libvirt or the system, if there is one. */
export interface Problem<Code extends string = Refusal | Failure> {
  readonly code: Code;
  readonly detail: string;
}
