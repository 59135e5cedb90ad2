import type { Acquire } from '../lib/keyed-mutex.ts';
import type { Links } from './links.ts';
import type { Runs } from './runs.ts';

/** All in milliseconds. */
export interface Times {
  /** How long a request waits for a connection to a node. */
  readonly connectMs: number;
  /** Between two tries where libvirt's answer was lost or premature. */
  readonly retryMs: number;
  /** Between two looks at a domain whose guest has been asked to let go, where no event comes. */
  readonly pollMs: number;
  /**
   * How long a guest has to answer a request to unplug before it is asked again: device_del repeated too early cancels the first
   * one (nova bugs 1882521 and 1894804), and QEMU itself lets a request rest for 5 s.
   */
  readonly askAgainMs: number;
  /** At the end of an operation, for reading the domain once more. */
  readonly lastLookMs: number;
  /** How long libvirtd may take after its own restart until it knows all its domains again: until then what it does not show proves nothing. */
  readonly settlingMs: number;
  /** How long the link to a node under the wildcard stays that nobody asks for. */
  readonly idleMs: number;
}

export const defaultTimes: Times = {
  connectMs: 3000,
  retryMs: 250,
  pollMs: 1000,
  askAgainMs: 5000,
  lastLookMs: 1000,
  settlingMs: 5000,
  idleMs: 60_000,
};

/** What plugging and unplugging work with. */
export interface Operations {
  readonly links: Links;
  readonly runs: Runs;
  /** One change at a time for each domain. */
  readonly takeTurn: Acquire;
  readonly times: Times;
}
