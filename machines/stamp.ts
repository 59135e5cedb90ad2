/** How long a chart waits for somebody else, in milliseconds. */
export interface Timeouts {
  readonly creating: number;
  readonly deleting: number;
  readonly growing: number;
  /** For one piece of it. */
  readonly wiping: number;
  readonly attaching: number;
  readonly detaching: number;
  /** How long a machine's death may be claimed by a detach that comes after it. */
  readonly claiming: number;
}

/**
 * What every event carries besides its own fields: charts read no clock and no settings, so that one runs the same in a test, in
 * a simulation and in the server.
 */
export interface Stamp {
  /** For deadlines: milliseconds since 1970 by a clock that only goes forward. */
  readonly now: number;
  /** For what people read: milliseconds since 1970 by the system's clock. */
  readonly time: number;
  readonly timeouts: Timeouts;
}
