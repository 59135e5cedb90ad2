// What the tests and the module inside the service (`preload.ts`) tell each other.

/**
 * What happens at a boundary. `kill`: the process gets SIGKILL. The others concern the call that follows.
 * `stalled`: it is never made, and the process gets SIGKILL after LATE_MS: what should have waited for it,
 * and did not, has happened by then. `fail`: it is not made and fails; `lost`: it is made and fails all the
 * same; `late`: it is made after LATE_MS; `overdue`: after OVERDUE_MS; `twice`: it is made twice, and the second
 * result counts.
 */
export type Happening = 'kill' | 'stalled' | 'fail' | 'lost' | 'late' | 'overdue' | 'twice';

/** A boundary, by its name and by how many of that name have been reached since the recording began. */
export interface Point {
  readonly name: string;
  /** From 1. */
  readonly nth: number;
}

/** What is to happen at which boundary. */
export interface Plan extends Point {
  readonly happening: Happening;
}

/** Begins to count boundaries; without a plan they are recorded only. */
interface Arm {
  readonly kind: 'arm';
  readonly plan?: Plan | undefined;
}

/** To the service. */
export type Order = Arm | { readonly kind: 'trace' };

/** From the service: it counts; or the names of all boundaries since then, after which it counts no more. */
export type Report =
  | { readonly kind: 'armed' }
  | { readonly kind: 'trace'; readonly names: readonly string[] };

/** The folder of which the service's files are boundaries. */
export const ROOT_VARIABLE = 'CRASH_ROOT';
/** The file in that folder to which a process that exits writes its boundaries, as a JSON array. */
export const TRACE_FILE = 'trace';
/**
 * JSON of an object with the plan, which counts from the beginning of the process; not set: counting begins
 * with a message.
 */
export const ARM_VARIABLE = 'CRASH_ARM';

/** How late a late call is, in milliseconds: later than all that does not wait for it. */
export const LATE_MS = 400;

/** The deadlines of a service that is started with short ones, in seconds; three of them are for the request. */
export const HASTY_S = 4;
/** How late an overdue call is, in milliseconds: later than those deadlines. */
export const OVERDUE_MS = 7000;
