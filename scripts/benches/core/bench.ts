import type { Canary } from './canary.ts';
import type { Measured } from './figures.ts';

/** What every measurement is given. */
export interface Bench {
  /** A folder of its own, removed at the end. */
  readonly directory: string;
  /** How long one measurement takes, in seconds. */
  readonly seconds: number;
  readonly rounds: number;
  /** How many disks are many. */
  readonly disks: number;
  /** Where profiles go; undefined: nobody wants them. */
  readonly profile: string | undefined;
  /** Looks at the machine. */
  readonly look: () => Promise<Canary>;
}

export type Measurement = (bench: Bench) => Promise<Measured[]>;
