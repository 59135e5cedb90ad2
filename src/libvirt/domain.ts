/** A virtual machine as libvirt names it. Only the uuid is its identity: libvirt ignores the other two in calls. */
export interface Domain {
  name: string;
  /** Lower case, with dashes. */
  uuid: string;
  /** -1 when not running; changes with each start. */
  id: number;
}

/** A machine changed its state; `event` and `detail` are virDomainEventType and its details (constants.ts). */
export type LifecycleEvent = { type: 'lifecycle'; domain: Domain; event: number; detail: number };

/** A device was plugged, has left, or was kept by the guest. */
export type DeviceEvent = {
  type: 'device-added' | 'device-removed' | 'device-removal-failed';
  domain: Domain;
  alias: string;
};

export type DomainEvent = LifecycleEvent | DeviceEvent;

export interface CallOptions {
  /** Gives up waiting; does not stop libvirt. */
  signal?: AbortSignal | undefined;
  /** From the call to its answer, waiting in the queue included. */
  timeoutMs?: number | undefined;
}
