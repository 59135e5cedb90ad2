/** libvirt's reference to a domain. Only the UUID identifies it: libvirt ignores the rest in calls. */
export interface Domain {
  name: string;
  /** Lower case, with dashes. */
  uuid: string;
  /** libvirt's id of the running domain, new with each start; -1 if it is not running. */
  id: number;
}

/** A domain changed its state: virDomainEventType and the detail of that type (constants.ts). */
export type LifecycleEvent = { type: 'lifecycle'; domain: Domain; event: number; detail: number };

/** A device was added, was removed, or was not released by the guest. */
export type DeviceEvent = {
  type: 'device-added' | 'device-removed' | 'device-removal-failed';
  domain: Domain;
  alias: string;
};

/** The events that a client can register. */
export type DomainEvent = LifecycleEvent | DeviceEvent;

/** Limits of one call. */
export interface CallOptions {
  /** Ends the wait for the answer; libvirt may still execute the call. */
  signal?: AbortSignal | undefined;
  /** Milliseconds from the call to its answer, including the wait in the queue. */
  timeoutMs?: number | undefined;
}
