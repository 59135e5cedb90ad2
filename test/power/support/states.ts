import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFileSystem, type Image, LUCKS, type LuckName } from './file-system.ts';
import { lay, textOf } from './images.ts';
import type { Fact, Recording } from './recording.ts';
import { recover } from './recovery.ts';
import type { Step } from './trace.ts';

/** What a power failure at some moment may leave on the disk. */
export interface State {
  /** After which step. */
  readonly when: string;
  readonly luck: LuckName;
  readonly image: Image;
  /** How many promises of each thing the service had given by then. */
  readonly given: ReadonlyMap<string, number>;
}

/** In memory where it can be: recoveries sync a lot. */
export const roomy = (() => {
  try {
    return statSync('/dev/shm').isDirectory() ? '/dev/shm' : tmpdir();
  } catch {
    return tmpdir();
  }
})();

const describe = (step: Step): string => {
  if (step.kind === 'sent') return `sending '${step.text.slice(0, 40).replace(/\r\n.*/s, '')}'`;
  return `${step.kind} ${step.path.split('/site').at(-1)}`;
};

/**
 * Every state that a power failure at any moment of a recording may leave. Of equal states only the last one
 * is kept: by then the most is promised. `lucks`: of these kinds only.
 */
export function statesOf(
  { steps, facts }: Recording,
  base: string,
  initial: Image,
  lucks: readonly LuckName[] = LUCKS,
): State[] {
  const system = createFileSystem(base, initial);
  const given = new Map<string, number>();
  const states = new Map<string, State>();
  const open = new Set(facts);
  for (const step of steps) {
    system.take(step);
    const said = step.kind === 'sent' ? [...open].filter(fact => fact.isSaidBy(step.text)) : [];
    for (const fact of said) {
      given.set(fact.thing, (given.get(fact.thing) ?? 0) + 1);
      open.delete(fact);
    }
    if (step.kind === 'sent' && said.length === 0) continue;
    for (const { luck, image } of system.afterPowerLoss()) {
      if (!lucks.includes(luck)) continue;
      states.set(textOf(image), { when: describe(step), luck, image, given: new Map(given) });
    }
  }
  return [...states.values()];
}

/** The values that a thing may have: the last one that was promised, or one that was asked for later. */
function allowed(
  facts: readonly Fact[],
  thing: string,
  before: string | null,
  given: number,
): (string | null)[] {
  return [before, ...facts.filter(fact => fact.thing === thing).map(({ value }) => value)].slice(given);
}

/**
 * What is wrong after a start on this state, in sentences. `before`: the things that were there before the
 * recording.
 */
export async function faultsOf(
  { when, luck, image, given }: State,
  facts: readonly Fact[],
  before: ReadonlyMap<string, string>,
): Promise<string[]> {
  const folder = mkdtempSync(join(roomy, 'pdisk-power-'));
  try {
    lay(image, folder);
    const { things, faults } = await recover(join(folder, 'data'));
    const names = new Set([...things.keys(), ...before.keys(), ...facts.map(({ thing }) => thing)]);
    const lies = [...names].flatMap(thing => {
      const promised = given.get(thing) ?? 0;
      // A start that was interrupted before it printed the password makes another one.
      if (thing.startsWith('file ') && promised === 0 && !before.has(thing)) return [];
      const may = allowed(facts, thing, before.get(thing) ?? null, promised);
      const is = things.get(thing) ?? null;
      return may.includes(is) ? [] : [`${thing} is ${is ?? 'not there'} instead of ${may.join(' or ')}`];
    });
    return [...faults, ...lies].map(fault => `after ${when}, with ${luck}: ${fault}`);
  } catch (error) {
    return [
      `after ${when}, with ${luck}: it does not start: ${error instanceof Error ? error.message : error}`,
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
