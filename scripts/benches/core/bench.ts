import type { Canary } from './canary.ts';
import type { Measured } from './figures.ts';

/** The parameters of every measurement. */
export interface Bench {
  /** A folder of its own, removed at the end. */
  readonly directory: string;
  /** How long one measurement takes, in seconds. */
  readonly seconds: number;
  readonly rounds: number;
  /** The large number of disks that costs are measured with. */
  readonly disks: number;
  /** The folder for profiles; undefined: none are written. */
  readonly profile: string | undefined;
  /** Measures the speed of the host itself. */
  readonly look: () => Promise<Canary>;
}

/** Measures one subject, or several, each in `rounds` rounds. */
export type Measurement = (bench: Bench) => Promise<Measured[]>;
