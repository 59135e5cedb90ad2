// Counts the boundaries that the process reaches, and lets happen what was planned for one of them.
import { setTimeout as delay } from 'node:timers/promises';
import { type Happening, LATE_MS, OVERDUE_MS, type Plan } from './plan.ts';

let plan: Plan | undefined;
let names: string[] | undefined;
let met = 0;

/** Begins to count. */
export function arm(planned: Plan | undefined): void {
  plan = planned;
  names = [];
  met = 0;
}

/** The boundaries since `arm`; counts no more. */
export function takeTrace(): readonly string[] {
  const trace = names ?? [];
  names = undefined;
  return trace;
}

const die = (): unknown => process.kill(process.pid, 'SIGKILL');

/** To be called at each boundary. Returns what is to happen to the call there; a kill does not return. */
export function reach(name: string): Happening | undefined {
  if (!names) return undefined;
  names.push(name);
  if (name !== plan?.name) return undefined;
  met += 1;
  if (met !== plan.nth) return undefined;
  if (plan.happening === 'kill') die();
  return plan.happening;
}

/** The error of a call that a plan lets fail, as the operating system's. */
const failure = (name: string): Error =>
  Object.assign(new Error(`EIO: i/o error, ${name}`), { code: 'EIO', errno: -5 });

/** Makes a call between two boundaries; `again` is its first making where it is made twice. */
export async function around<T>(
  name: string,
  call: () => Promise<T>,
  again: (first: T) => unknown = () => undefined,
): Promise<T> {
  const happening = reach(`before ${name}`);
  if (happening === 'fail') throw failure(name);
  if (happening === 'stalled') {
    await delay(LATE_MS);
    die();
  }
  if (happening === 'late') await delay(LATE_MS);
  if (happening === 'overdue') await delay(OVERDUE_MS);
  if (happening === 'twice') await again(await call());
  const result = await call();
  if (happening === 'lost') throw failure(name);
  reach(`after ${name}`);
  return result;
}
