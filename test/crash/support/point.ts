// One point of the matrix: an operation in which one thing happens at one boundary.
import { setTimeout as delay } from 'node:timers/promises';
import { ERROR } from '../../../src/libvirt/constants.ts';
import type { Fault, ProcedureName } from '../../../testkit/fakes/libvirtd/faults.ts';
import { gate } from '../../../testkit/latch.ts';
import { violations } from './checks.ts';
import { clear } from './clearing.ts';
import { type Happening, LATE_MS, OVERDUE_MS, type Plan } from './plan.ts';
import type { Answer } from './process.ts';
import { processesLeft } from './processes.ts';
import type { Site } from './site.ts';
import { type Operation, succeeded, type Trial } from './trial.ts';
import { look, type View } from './view.ts';

/**
 * What happens. `held`: a kill after a call of libvirt was sent, which libvirt carries out after the next
 * start.
 */
export type Event = Happening | 'held';

/** One point. */
export interface Case {
  readonly operation: Operation;
  /** The name of a boundary; for what happens to a call, that before it. */
  readonly name: string;
  readonly nth: number;
  readonly event: Event;
  /** Whether the request has an Idempotency-Key: then its answer waits for a further write. */
  readonly keyed: boolean;
}

/** What a point has shown. */
export interface Outcome {
  /** Whether the boundary was reached; otherwise the service was killed at the end of the operation. */
  readonly reached: boolean;
  readonly violations: readonly string[];
}

/** How long the boundaries behind an answer may take, in milliseconds. */
const BEHIND_MS = 1000;
/** How long coming to rest may take, in milliseconds: beyond it the point is a violation. */
const REST_MS = 60_000;
const AGAIN_MS = 40;
/** For how long nothing is asked of the nodes when an operation begins, in milliseconds. */
const QUIET_MS = 100;
const OF_LIBVIRT = /^before n1 (\w+)$/;

/**
 * Waits until the nodes are linked and nothing was asked of them for a moment, so that little else is going
 * on.
 */
export async function quiet(site: Site): Promise<void> {
  const isLinked = async (): Promise<boolean> =>
    (await site.demand<{ reachable: boolean }[]>('GET', '/api/nodes')).every(({ reachable }) => reachable);
  for (let [before, now] = [-1, 0]; before !== now || !(await isLinked()); ) {
    before = now;
    await delay(QUIET_MS);
    now = site.n1.calls.length + site.n2.calls.length;
  }
}

/** What the service logs when its database has failed: it ends by itself, and only then may it. */
const STORE_FAILED = 'the store refused a write';

/** Looks at a site; where the service ends because its database failed, it is started again first. */
async function lookAgain(site: Site): Promise<View> {
  try {
    return await look(site);
  } catch (error) {
    if (!site.running.log().includes(STORE_FAILED)) throw error;
    await site.running.ended;
    await site.restart();
    return look(site);
  }
}

/** Waits until all holds; resolves with what does not, after a long time. */
async function rest(site: Site, trial: Trial | undefined, mustBeDone: boolean): Promise<string[]> {
  const deadline = performance.now() + REST_MS;
  let good = 0;
  for (;;) {
    const view = await lookAgain(site);
    const found = violations(view, trial?.allowed);
    if (trial && !trial.done(view)) {
      if (mustBeDone) found.push('what was acknowledged is not there');
      else if (!trial.undone(view)) found.push('the operation is neither done nor undone');
    }
    if (found.length === 0) found.push(...processesLeft(site));
    good = found.length === 0 ? good + 1 : 0;
    // Twice: what is at rest stays so.
    if (good === 2) return [];
    if (performance.now() > deadline) return [...found, `at rest: ${JSON.stringify(view.disks)}`];
    await delay(AGAIN_MS);
  }
}

const refusal: Fault = { kind: 'refuse', code: ERROR.INTERNAL, message: 'internal error: the test says so' };

/** Lets something happen to the nth call of a procedure, and nothing to those before. */
function atLibvirt(site: Site, procedure: ProcedureName, nth: number, fault: Fault): void {
  if (nth > 1) site.n1.faults.inject(procedure, { kind: 'delay', ms: 0 }, nth - 1);
  site.n1.faults.inject(procedure, fault);
}

/** Prepares what is to happen. Resolves with the plan for the service, and a function that ends a hold. */
function planned(site: Site, { name, nth, event }: Case): readonly [Plan | undefined, () => void] {
  const procedure = OF_LIBVIRT.exec(name)?.[1] as ProcedureName | undefined;
  if (event === 'kill' || event === 'stalled' || !procedure)
    return [{ name, nth, happening: event as Happening }, () => {}];
  const { opened, open } = gate();
  const faults: Readonly<Record<Exclude<Event, 'kill' | 'stalled'>, Fault>> = {
    fail: refusal,
    lost: { kind: 'drop-after' },
    late: { kind: 'delay', ms: LATE_MS },
    overdue: { kind: 'delay', until: opened },
    twice: { kind: 'twice' },
    held: { kind: 'delay', until: opened },
  };
  atLibvirt(site, procedure, nth, faults[event]);
  const killed = { name: name.replace('before', 'after'), nth, happening: 'kill' as const };
  return [event === 'held' ? killed : undefined, open];
}

/** Repeats a request: it must succeed now, or be known by its key. */
async function repeat(site: Site, trial: Trial, key: string | undefined): Promise<string[]> {
  const answer = await trial.act(key);
  if (!answer) return ['a repetition of the request got no answer'];
  if (!trial.repeated?.(answer))
    return [`a repetition of the request was answered ${answer.status} ${JSON.stringify(answer.body)}`];
  return rest(site, trial, true);
}

async function endOf(site: Site): Promise<string[]> {
  await clear(site);
  const left = await rest(site, undefined, false);
  const { disks } = await look(site);
  return [...left, ...disks.map(({ uuid }) => `disk ${uuid} cannot be removed`)];
}

/** Runs a point on a site that serves, and is left as it was. Never rejects. */
export async function runCase(site: Site, one: Case): Promise<Outcome> {
  let reached = false;
  const check = async (): Promise<string[]> => {
    const { operation, event } = one;
    const isKill = event === 'kill' || event === 'stalled' || event === 'held';
    const isOverdue = event === 'overdue';
    const trial = await operation.prepare(site);
    if (isOverdue) await site.restartHasty();
    if (!operation.starts) await quiet(site);
    const key = one.keyed ? `key-${site.next()}` : undefined;
    const [plan, release] = planned(site, one);
    const overdue = isOverdue ? delay(OVERDUE_MS).then(release) : undefined;
    let answer: Answer | undefined;
    if (operation.starts) await site.start({ plan });
    else {
      await site.running.arm(plan);
      answer = await trial.act(key);
    }
    if (isKill) await Promise.race([site.running.ended, delay(BEHIND_MS, undefined, { ref: false })]);
    reached = site.running.hasEnded() || !isKill;
    // A start that a call has failed may end with a sentence; the next one must do.
    const hasFailed = operation.starts === true && site.running.hasEnded();
    if (isKill || hasFailed || operation.stops) await site.restart();
    // A call that the service itself makes too late began after this did.
    if (overdue) await overdue.then(() => delay(BEHIND_MS));
    release();
    site.n1.faults.clear();
    const acknowledged = answer !== undefined && succeeded(answer);
    const found = await rest(site, trial, acknowledged);
    if (found.length > 0) return found;
    if (isOverdue) await site.restart();
    const isKnown = key !== undefined && (isKill || acknowledged);
    if (trial.repeated && (isKnown || !trial.done(await look(site)))) {
      const wrong = await repeat(site, trial, isKnown ? key : undefined);
      if (wrong.length > 0) return wrong;
    }
    return endOf(site);
  };
  try {
    return { violations: await check(), reached };
  } catch (error) {
    return { violations: [error instanceof Error ? (error.stack ?? error.message) : String(error)], reached };
  }
}
