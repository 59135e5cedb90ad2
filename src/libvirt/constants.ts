// Numbers from libvirt's public headers (libvirt-domain.h, virterror.h) and from remote_protocol.x, version
// 9.0.0. libvirt only adds numbers: all 443 procedure numbers of 9.0.0 are the same in 11.7.0.

/** virDomainEventType. */
export const LIFECYCLE_DEFINED = 0;
export const LIFECYCLE_UNDEFINED = 1;
export const LIFECYCLE_STARTED = 2;
export const LIFECYCLE_SUSPENDED = 3;
export const LIFECYCLE_RESUMED = 4;
export const LIFECYCLE_STOPPED = 5;
export const LIFECYCLE_SHUTDOWN = 6;

/** virDomainEventStartedDetailType. */
export const STARTED_BOOTED = 0;
export const STARTED_MIGRATED = 1;
export const STARTED_RESTORED = 2;

/** virDomainEventSuspendedDetailType: the switch-over of a migration has begun. */
export const SUSPENDED_MIGRATED = 1;
export const SUSPENDED_POSTCOPY = 7;

/** virDomainEventStoppedDetailType. */
export const STOPPED_SHUTDOWN = 0;
export const STOPPED_DESTROYED = 1;
export const STOPPED_CRASHED = 2;
export const STOPPED_MIGRATED = 3;
export const STOPPED_SAVED = 4;
export const STOPPED_FAILED = 5;

/** virDomainState. */
export const STATE_RUNNING = 1;
export const STATE_PAUSED = 3;
export const STATE_SHUTOFF = 5;
export const STATE_CRASHED = 6;

/** virDomainPausedReason, those of a domain that may continue on another host. */
export const PAUSED_MIGRATION = 2;
export const PAUSED_STARTING_UP = 11;
export const PAUSED_POSTCOPY = 12;

/**
 * virDomainShutoffReason. After a restart of libvirtd it is 0, unknown, for every domain that ended before.
 */
export const SHUTOFF_SHUTDOWN = 1;
export const SHUTOFF_DESTROYED = 2;
export const SHUTOFF_CRASHED = 3;

/** virDomainDeviceModifyFlags: change the live domain only. */
export const AFFECT_LIVE = 1;
/** virDomainDeviceModifyFlags: change only the definition, which the next start uses. */
export const AFFECT_CONFIG = 2;

/** virDomainXMLFlags: the definition used at the next start. */
export const XML_INACTIVE = 2;

/** virConnectListAllDomainsFlags. */
export const LIST_ACTIVE = 1;
export const LIST_INACTIVE = 2;
export const LIST_MANAGED_SAVE = 256;
export const LIST_NO_MANAGED_SAVE = 512;

/** virDomainUndefineFlagsValues: remove the managed save image too. */
export const UNDEFINE_MANAGED_SAVE = 1;

/** virDomainBlockResizeFlags: the size is in bytes, not KiB. */
export const BLOCK_RESIZE_BYTES = 1;

/** virErrorNumber: the codes that callers distinguish. Match a message only where the code is INTERNAL. */
export const ERROR = {
  INTERNAL: 1,
  NO_CONNECT: 5,
  INVALID_ARG: 8,
  OPERATION_FAILED: 9,
  NO_NAME: 21,
  XML: 27,
  OPERATION_DENIED: 29,
  XML_DETAIL: 35,
  SYSTEM: 38,
  RPC: 39,
  NO_DOMAIN: 42,
  AUTH_FAILED: 45,
  OPERATION_INVALID: 55,
  CONFIG_UNSUPPORTED: 67,
  OPERATION_TIMEOUT: 68,
  AGENT_UNRESPONSIVE: 86,
  RESOURCE_BUSY: 87,
  ACCESS_DENIED: 88,
  DEVICE_MISSING: 99,
} as const;
