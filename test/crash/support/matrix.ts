// Records the boundaries of an operation, and runs the points at them.
import { setTimeout as delay } from 'node:timers/promises';
import { clear } from './clearing.ts';
import { historyOf } from './history.ts';
import { type Case, type Event, quiet, runCase } from './point.ts';
import type { Program } from './program.ts';
import { openSite, type Site, type Template } from './site.ts';
import type { Operation } from './trial.ts';

/** What to run. */
export interface Choice {
  /** Every how many-th point is run, from which on; more sparsely where those were more than `most`. */
  readonly every: number;
  readonly first: number;
  readonly most?: number | undefined;
  readonly kills: boolean;
  readonly faults: boolean;
  /** Only points whose name has this text. */
  readonly containing?: string | undefined;
}

/** What an operation has shown. */
export interface Result {
  readonly boundaries: number;
  readonly points: number;
  readonly runs: number;
  /** Runs whose boundary was not reached. */
  readonly missed: number;
  readonly violations: readonly string[];
}

/** How long boundaries behind an answer are recorded, in milliseconds. */
const BEHIND_MS = 60;

/** Runs an operation once; resolves with the names of its boundaries. */
async function record(site: Site, operation: Operation, keyed: boolean): Promise<readonly string[]> {
  const trial = await operation.prepare(site);
  if (operation.starts) await site.start({});
  else {
    await quiet(site);
    await site.running.arm();
    const answer = await trial.act(keyed ? `key-${site.next()}` : undefined);
    if (answer && answer.status >= 300)
      throw new Error(`${operation.name} was answered ${answer.status} ${JSON.stringify(answer.body)}`);
  }
  await delay(BEHIND_MS);
  const names = await site.running.trace();
  if (operation.stops) await site.restart();
  await clear(site);
  return names;
}

const FAULTS: readonly Event[] = ['fail', 'lost', 'late', 'twice'];
/** Made twice, a write at a file's position would append its text once more; no caller does that. */
const APPENDS = /^before write(File)? /;
const isCall = (name: string): boolean => name.startsWith('before ') && !name.includes('the answer to');
const isOfLibvirt = (name: string): boolean => /^before n\d /.test(name);
const isWrite = (name: string): boolean => isCall(name) && name.split(' ').length > 2 && !isOfLibvirt(name);

/** The points at the boundaries that were recorded. */
function casesOf(operation: Operation, names: readonly string[], keyed: boolean, choice: Choice): Case[] {
  const counts = new Map<string, number>();
  const cases: Case[] = [];
  for (const name of names) {
    const nth = (counts.get(name) ?? 0) + 1;
    counts.set(name, nth);
    const add = (event: Event): unknown => cases.push({ operation, name, nth, event, keyed });
    if (choice.kills) add('kill');
    if (choice.kills && isWrite(name)) add('stalled');
    // A key makes a difference to kills only.
    if (!choice.faults || keyed || !isCall(name)) continue;
    for (const event of FAULTS) if (event !== 'twice' || !APPENDS.test(name)) add(event);
    if (isOfLibvirt(name)) add('held');
    // The database has no deadline, and neither has a start.
    if (!operation.starts && (isOfLibvirt(name) || name.includes('data/pool/'))) add('overdue');
  }
  return cases.filter(one => labelOf(one).includes(choice.containing ?? ''));
}

/** The name of a point, as it is reported. */
export const labelOf = ({ operation, name, nth, event, keyed }: Case): string =>
  `${operation.name}${keyed ? ' with a key' : ''}: ${event} ${name}${nth > 1 ? ` (${nth})` : ''}`;

/**
 * Spreads the chosen points over all of an operation. An odd distance: points come in groups of the same
 * kinds, of which none should be left out.
 */
function chosenOf(cases: readonly Case[], { every, first, most = cases.length }: Choice): readonly Case[] {
  const distance = Math.ceil(cases.length / most) | 1;
  return cases.filter((_, index) => (index + first) % Math.max(every, distance) === 0);
}

/** Runs an operation's points, one after the other, each on a service that has survived the one before. */
export async function runOperation(
  { program, template }: { readonly program: Program; readonly template: Template },
  operation: Operation,
  choice: Choice,
  tell: (line: string) => void = () => {},
): Promise<Result> {
  const open = (): Promise<Site> => openSite(program, operation.anew ? undefined : template);
  let site: Site | undefined;
  const found: string[] = [];
  let [runs, missed] = [0, 0];

  /** A site for the next point: a new one for those that begin with an empty folder. */
  async function ready(): Promise<Site> {
    if (site && !operation.anew) return site;
    await site?.end();
    site = await open();
    if (!operation.anew) await site.restart();
    return site;
  }

  try {
    const cases: Case[] = [];
    let boundaries = 0;
    for (const keyed of operation.isRequest ? [false, true] : [false]) {
      const names = await record(await ready(), operation, keyed);
      boundaries += names.length;
      cases.push(...casesOf(operation, names, keyed, choice));
    }
    for (const one of chosenOf(cases, choice)) {
      const place = await ready();
      const { reached, violations } = await runCase(place, one);
      runs += 1;
      if (!reached) missed += 1;
      tell(`${violations[0] ? 'VIOLATION' : 'ok'} ${labelOf(one)}${reached ? '' : ' (not reached)'}`);
      for (const sentence of violations) tell(`    ${sentence}`);
      if (violations.length === 0) continue;
      found.push(`${labelOf(one)}\n    ${violations.join('\n    ')}\n${place.running.log().slice(-1500)}`);
      await place.end();
      site = undefined;
    }
    if (site && !operation.anew) {
      const wrong = await historyOf(site);
      found.push(...wrong.map(sentence => `${operation.name}, at the end: ${sentence}`));
    }
    return { boundaries, points: cases.length, runs, missed, violations: found };
  } finally {
    await site?.end();
  }
}
