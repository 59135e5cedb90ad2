// The cost of the service beside its floor, the least possible cost of the same work, measured in the same
// run.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, release, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Bench, Measurement } from './core/bench.ts';
import { type Canary, look } from './core/canary.ts';
import { figuresOf, type Measured } from './core/figures.ts';
import { growth } from './core/growth.ts';
import { logins } from './core/logins.ts';
import { plug } from './core/plug.ts';
import { list, read } from './core/read.ts';
import { table } from './core/report.ts';
import { objection } from './core/rounds.ts';
import { start } from './core/start.ts';
import { volumes } from './core/volumes.ts';

const measurements: Readonly<Record<string, Measurement>> = {
  read,
  list,
  volumes,
  logins,
  plug,
  start,
  growth,
};

const help = `Usage: scripts/bench core [NAME...] [OPTION...]

Loads the built service, in a process of its own, and prints each figure beside its floor: the least that the
same work can cost on this host, measured in turns with it. Names, all of them by default:

  read      GET of one disk with a password; floor: uWebSockets.js alone
  list      GET of 10,000 disks; floor: uWebSockets.js alone
  volumes   create and delete on the file pool, 1 and 64 in flight; floor: the same file operations and one
            synced batch
  logins    create beside a flood of wrong logins; floor: create without it
  plug      hotattach and hotdetach on a real guest; floor: libvirt's own calls. Needs root
  start     start-up time and memory with few and with many disks
  growth    what an operation costs with 100 and with many disks

Throughput is wrk's. Latencies at a fixed rate are from the moment when a request should have begun, whether
others were answered or not. Between rounds a synced write and a fixed computation are timed: a round does not
count where the write takes more than 1 ms. The processor's own speed is printed: where it varies, only the
ratios are comparable, because both sides of a ratio are from the same moments. On a host with other load, run
it with a better priority: nice -n -15 scripts/bench core

  --seconds N     how long one measurement takes (2)
  --rounds N      how often each is repeated (5)
  --disks N       how many disks are many (100000)
  --json FILE     writes everything that was measured there
  --cpu-prof DIR  leaves profiles of the service there
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '5' },
    disks: { type: 'string', default: '100000' },
    json: { type: 'string' },
    'cpu-prof': { type: 'string' },
    help: { type: 'boolean' },
  },
});

const say = (line: string): void => void process.stdout.write(`${line}\n`);

const host = {
  processors: availableParallelism(),
  processor: cpus()[0]?.model ?? '',
  kernel: release(),
  node: process.version,
};

/** Prints which rounds do not count, and why. */
function sayObjections({ what, rounds }: Measured): void {
  for (const [index, round] of rounds.entries()) {
    const why = objection(round);
    if (why !== undefined) say(`${what}: round ${index + 1} does not count: ${why}`);
  }
}

async function main(names: readonly string[]): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'pdisk-bench-'));
  const removeAll = (): void => rmSync(directory, { recursive: true, force: true });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      removeAll();
      process.exit(1);
    });
  }
  // QEMU's user needs the execute permission to reach the images.
  chmodSync(directory, 0o711);
  const canaries: Canary[] = [];
  const bench: Bench = {
    directory,
    seconds: Number(values.seconds),
    rounds: Number(values.rounds),
    disks: Number(values.disks),
    profile: values['cpu-prof'] === undefined ? undefined : resolve(values['cpu-prof']),
    async look() {
      const canary = await look(directory);
      canaries.push(canary);
      return canary;
    },
  };
  try {
    const measured: Measured[] = [];
    for (const name of names) {
      process.stderr.write(`${name}\n`);
      measured.push(...((await measurements[name]?.(bench)) ?? []));
    }
    const figures = measured.flatMap(figuresOf);
    for (const one of measured) sayObjections(one);
    say(table(figures));
    const times = canaries.map(({ cpuMs }) => cpuMs);
    const swing = Math.max(...times) / Math.min(...times);
    say(`Between rounds the processor was up to ${swing.toFixed(1)} times slower than at its best.`);
    if (values.json !== undefined) {
      writeFileSync(values.json, `${JSON.stringify({ machine: host, figures, measured }, null, 2)}\n`);
    }
  } finally {
    removeAll();
  }
}

const names = positionals.length > 0 ? positionals : Object.keys(measurements);
const unknown = names.find(name => !(name in measurements));
if (values.help) {
  say(help.trimEnd());
} else if (unknown !== undefined) {
  process.stderr.write(`${help}\nthere is no measurement '${unknown}'\n`);
  process.exitCode = 2;
} else {
  await main(names);
}
