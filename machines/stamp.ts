/** How long a chart waits for the pool, a node or the guest, in milliseconds. */
export interface Timeouts {
  readonly creating: number;
  readonly deleting: number;
  readonly growing: number;
  /** For one piece of the volume, not for all of it. */
  readonly wiping: number;
  readonly attaching: number;
  readonly detaching: number;
  /** How long a detach call for a dead VM is still accepted after its disk was released. */
  readonly claiming: number;
}

/**
 * What every event carries besides its own fields. Charts read no clock and no settings, so that a chart
 * behaves the same in a test, in the simulation and in the server.
 */
export interface Stamp {
  /** For deadlines: a monotonic clock, in milliseconds since 1970. */
  readonly now: number;
  /** For timestamps that people read: the system's clock, in milliseconds since 1970. */
  readonly time: number;
  readonly timeouts: Timeouts;
}
