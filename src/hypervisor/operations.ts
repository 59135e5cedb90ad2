import type { Acquire } from '../lib/keyed-mutex.ts';
import type { Links } from './links.ts';
import type { Runs } from './runs.ts';

/** Durations, all in milliseconds. */
export interface Times {
  /** How long a request waits for a connection to a node. */
  readonly connectMs: number;
  /** Pause before a call is repeated whose answer was lost or is not final. */
  readonly retryMs: number;
  /**
   * Longest pause between two reads of a domain whose guest was asked to release a disk, if no event arrives.
   */
  readonly pollMs: number;
  /**
   * Pause before the guest is asked again to release a disk: a second device_del that comes too early cancels
   * the first (nova bugs 1882521 and 1894804), and QEMU itself refuses a second request for 5 s.
   */
  readonly askAgainMs: number;
  /** Time reserved at the end of an operation for a last read of the domain. */
  readonly lastLookMs: number;
  /** Time in which a restarted libvirtd finds its domains again: before, a missing domain proves nothing. */
  readonly settlingMs: number;
  /** How long an unused link to a node that matches only the wildcard stays open. */
  readonly idleMs: number;
}

/** The durations in use unless a test gives others. */
export const defaultTimes: Times = {
  connectMs: 3000,
  retryMs: 250,
  pollMs: 1000,
  askAgainMs: 5000,
  lastLookMs: 1000,
  settlingMs: 5000,
  idleMs: 60_000,
};

/** What the operations on domains share. */
export interface Operations {
  readonly links: Links;
  readonly runs: Runs;
  /** A mutex by domain UUID: one change of a domain at a time. */
  readonly takeTurn: Acquire;
  readonly times: Times;
}
