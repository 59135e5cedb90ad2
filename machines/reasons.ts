/** Why a chart refuses an event: the sender's mistake or a rule; nothing has changed. */
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

/** Why something outside (the pool, the node, the guest) did not do what a chart asked of it. */
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

/** A reason with what the outside said about it, if anything. */
export interface Problem<Code extends string = Refusal | Failure> {
  readonly code: Code;
  readonly detail: string;
}
