// One run: a plan is played in a new world, then everything is healed and must come to rest.

import { NODES } from '../disks/support/hosts.ts';
import { createMishaps, redefineOne } from '../disks/support/mishaps.ts';
import type { Random } from '../disks/support/random.ts';
import { installClock } from './clock.ts';
import { comeToRest } from './ending.ts';
import type { Act, Step } from './plan.ts';
import { createRequests } from './requests.ts';
import { createSequences } from './sequences.ts';
import { createWorld, type World } from './world.ts';

/** The outcome of a run. */
export interface Outcome {
  /** Steps that did something: requests that were sent, and things that happened. */
  readonly operations: number;
  /** Steps that were played until it ended. */
  readonly played: number;
  /** Violated invariants, as sentences; the run ended with the first. */
  readonly wrong: readonly string[];
  /** What happened, with seconds of the simulated clock. */
  readonly trace: readonly string[];
}

const USERS = ['alice', 'bob', 'carol'] as const;
/** Longest time for which the service is down, in milliseconds. */
const DOWN_MS = 1_000;

/** Makes accounts and VMs in a new world, with nothing going wrong. */
async function furnish(world: World): Promise<void> {
  world.hosts.add('1', 'n1', true);
  world.hosts.add('2', 'n2', true);
  world.hosts.add('3', 'n1', false);
  world.start();
  await world.clock.pass(1000);
  const service = world.service();
  if (!service) return world.violated('the service does not start in an empty world');
  const { accounts } = service;
  const made = (async () => {
    await accounts.createFirst('admin', 'password of admin');
    world.passwords.set('admin', 'password of admin');
    const admin = await world.login('admin');
    if (!admin) throw new Error('the administrator is not let in');
    for (const name of ['cloud', ...USERS]) {
      const password = `password of ${name}`;
      await accounts.put(admin, name, { password, role: name === 'cloud' ? 'service' : 'user' });
      world.passwords.set(name, password);
    }
    await accounts.setQuota(admin, 'bob', { disks: 3, sizeGiB: 6 });
  })();
  let isMade = false;
  made.then(
    () => {
      isMade = true;
    },
    error => world.violated(`the accounts are not made: ${error.stack}`),
  );
  while (!isMade && world.wrong.length === 0) await world.clock.pass(100);
}

function actsOf(world: World): Readonly<Record<Act, () => unknown>> {
  const { chance, clock } = world;
  const random: Random = {
    below: limit => chance.random.below(limit),
    chance: probability => chance.random.chance(probability),
    pick: choices => chance.random.pick(choices),
  };
  const mishaps = createMishaps(world.hosts, random);
  const startLater = (): void => {
    setTimeout(world.start, random.below(DOWN_MS));
  };
  // Without a process, no request is sent.
  const requests = Object.fromEntries(
    Object.entries(createRequests(world)).map(([name, send]) => [
      name,
      (...choices: unknown[]) =>
        world.service() ? (send as (...all: unknown[]) => unknown)(...choices) : undefined,
    ]),
  ) as ReturnType<typeof createRequests>;
  return {
    ...requests,
    ...createSequences(world, random, requests.hotattach),
    mishap: () => random.pick(mishaps)?.(),
    redefine: () => redefineOne(world.hosts, random),
    powerOff() {
      const node = random.pick(NODES) ?? 'n1';
      return world.powerOff(node) ? `the power of ${node} fails` : undefined;
    },
    repair() {
      const away = random.pick(NODES.filter(node => world.hosts.hosts[node].is !== 'up'));
      if (!away || random.chance(0.5)) return world.boot();
      void world.machines[away].listen();
      world.hosts.hosts[away].is = 'up';
      return `${away} is back`;
    },
    crash() {
      world.crash();
      startLater();
      return 'the service crashes';
    },
    stop() {
      if (!world.service()) return undefined;
      void world.stop().then(startLater);
      return 'the service is stopped';
    },
    breakStore() {
      if (!world.service()) return undefined;
      world.disk.broken = true;
      return 'the disk of the database fails';
    },
    suspend() {
      clock.skip(60_000);
      return 'the computer sleeps for a minute';
    },
  };
}

/** Plays steps in the world of a seed. */
export async function play(seed: number, steps: readonly Step[]): Promise<Outcome> {
  const clock = installClock();
  const onRejection = (error: unknown): void => {
    if (!isOfTheDead(error)) world.violated(`a promise was rejected unheard: ${(error as Error).stack}`);
  };
  process.on('unhandledRejection', onRejection);
  const world = createWorld(seed, clock);
  let operations = 0;
  let played = 0;
  try {
    await furnish(world);
    const acts = actsOf(world);
    for (const { act, salt, waitMs } of steps) {
      if (world.wrong.length > 0) break;
      played += 1;
      world.chance.reseed(salt);
      const did = await acts[act]();
      if (did === undefined) continue;
      operations += 1;
      world.note(String(did));
      await clock.pass(waitMs);
    }
    if (world.wrong.length === 0) await comeToRest(world);
  } finally {
    world.crash();
    await clock.pass(0);
    clock.uninstall();
    process.off('unhandledRejection', onRejection);
  }
  return { operations, played, wrong: world.wrong, trace: world.trace };
}

/** Rejections in what is left of a crashed process: a real one would be gone. */
const isOfTheDead = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'STOPPING' || error.code === 'INTERRUPTED');
