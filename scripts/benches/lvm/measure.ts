import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { createRunner } from '../../../src/storage/command.ts';
import { openLvmPool } from '../../../src/storage/lvm/pool.ts';
import { median, percentile } from '../core/rounds.ts';

const VG = 'bench';
const rounds = Number(process.argv[2]);
const signal = new AbortController().signal;
const run = createRunner();
const bareRun = (program: string, ...args: string[]) => promisify(execFile)(program, args);
let processes = 0;

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await work();
  return performance.now() - begin;
}

interface Side {
  make(name: string): Promise<unknown>;
  remove(name: string): Promise<unknown>;
}

type Step = keyof Side;
type Times = Record<Step, number[]>;

/**
 * Creates and deletes a volume on each side in turns, alternating which is first; a warm-up round does not
 * count.
 */
async function takeTurns(bare: Side, pool: Side): Promise<Record<'bare' | 'pool', Times>> {
  const sides = { bare, pool };
  const times = { bare: { make: [], remove: [] } as Times, pool: { make: [], remove: [] } as Times };
  for (let round = -1; round < rounds; round += 1) {
    const uuid = randomUUID();
    const order = round % 2 === 0 ? (['bare', 'pool'] as const) : (['pool', 'bare'] as const);
    for (const step of ['make', 'remove'] as const) {
      for (const side of order) {
        const ms = await timed(() => sides[side][step](uuid));
        if (round >= 0) times[side][step].push(ms);
      }
    }
  }
  return times;
}

/**
 * Prints the comparison. The speed of a host with other load varies, so only the two times of one round are
 * comparable.
 */
function compare(what: string, bare: readonly number[], pool: readonly number[]): void {
  const over = pool.map((ms, round) => (ms / (bare[round] ?? Number.NaN) - 1) * 100);
  const [low, high] = [percentile(over, 0.25), percentile(over, 0.75)].map(part => part.toFixed(1));
  say(
    `${what}: bare ${median(bare).toFixed(0)} ms, pool ${median(pool).toFixed(0)} ms; ` +
      `over in ${rounds} pairs: median ${median(over).toFixed(1)} %, quartiles ${low} and ${high} %`,
  );
}

const lvm = (...args: string[]): Promise<string> => run('lvm', args, signal);

const openPool = () =>
  openLvmPool({
    vg: VG,
    thinPool: undefined,
    overcommit: 1,
    wipe: 'none',
    wipeRateMiB: undefined,
    owner: 'bench',
    run: (...args) => {
      processes += 1;
      return run(...args);
    },
  });

/**
 * Creates `count` volumes of one extent at once, by restoring an edited backup of the volume group's
 * metadata: lvcreate would take minutes.
 */
async function fill(count: number): Promise<void> {
  const file = '/tmp/bench-metadata';
  const uuid = randomUUID();
  const tags = ['--addtag', 'pdisk', '--addtag', `pdisk.uuid=${uuid}`];
  await lvm(
    'lvcreate',
    '--quiet',
    '--activate',
    'n',
    '--zero',
    'n',
    '--extents',
    '1',
    '--name',
    `pdisk-${uuid}`,
    ...tags,
    VG,
  );
  await lvm('vgcfgbackup', '--quiet', '--file', file, VG);
  const text = await readFile(file, 'utf8');
  const volume = new RegExp(`\\t\\tpdisk-${uuid} \\{[\\s\\S]*?\\n\\t\\t\\}\\n`).exec(text)?.[0] ?? '';
  const id = /id = "(.{6})/.exec(volume)?.[1] ?? '';
  const at = Number(/"pv0", (\d+)/.exec(volume)?.[1]);
  const copies = Array.from({ length: count - 1 }, (_, index) =>
    volume
      .replaceAll(uuid, randomUUID())
      .replace(`id = "${id}`, `id = "${String(index).padStart(6, '0')}`)
      .replace(/"pv0", \d+/, `"pv0", ${at + index + 1}`),
  );
  await writeFile(file, text.replace(volume, volume + copies.join('\n')));
  await lvm('vgcfgrestore', '--quiet', '--file', file, VG);
}

/** Makes the requests of one reconciliation to the pool, and counts LVM's processes. */
async function reconcile(count: number): Promise<void> {
  await fill(count);
  const pool = await openPool();
  processes = 0;
  const ms = await timed(async () => {
    const [found] = await Promise.all([pool.list(), pool.use(), pool.promisableBytes()]);
    if (found.length !== count) throw new Error(`${found.length} volumes instead of ${count}`);
  });
  say(`a reconciliation of ${count} volumes: LVM processes: ${processes}, ${ms.toFixed(0)} ms`);
  await lvm('lvremove', '--quiet', '--yes', VG);
}

await lvm('vgcreate', '--quiet', VG, '/dev/ubda');
const pool = await openPool();
const times = await takeTurns(
  {
    make: name => bareRun('lvcreate', '--quiet', '--yes', '--size', '1g', '--name', name, VG),
    remove: name => bareRun('lvremove', '--quiet', '--yes', `${VG}/${name}`),
  },
  { make: uuid => pool.create(uuid, 1, signal), remove: uuid => pool.delete(uuid, signal) },
);
compare('create', times.bare.make, times.pool.make);
compare('delete', times.bare.remove, times.pool.remove);
await reconcile(10);
await reconcile(500);
