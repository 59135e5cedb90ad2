import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { createRunner } from '../../../src/storage/command.ts';
import { openLvmPool } from '../../../src/storage/lvm/pool.ts';

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

const median = (times: readonly number[]): number =>
  [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN;

function compare(what: string, bare: readonly number[], ours: readonly number[]): void {
  const [theirs, own] = [median(bare), median(ours)];
  const over = ((own / theirs - 1) * 100).toFixed(1);
  say(
    `${what}: bare ${theirs.toFixed(0)} ms, pool ${own.toFixed(0)} ms (${over} % over), medians of ${rounds}`,
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

/** So many volumes of one extent at once, by way of a backup of the volume group's metadata: lvcreate would take minutes. */
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

/** What one reconciliation asks of the pool. */
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
const bare: Record<'make' | 'remove', number[]> = { make: [], remove: [] };
const ours: Record<'make' | 'remove', number[]> = { make: [], remove: [] };
for (let round = 0; round < rounds; round += 1) {
  const name = `bare-${round}`;
  bare.make.push(
    await timed(() => bareRun('lvcreate', '--quiet', '--yes', '--size', '1g', '--name', name, VG)),
  );
  const uuid = randomUUID();
  ours.make.push(await timed(() => pool.make(uuid, 1, signal)));
  bare.remove.push(await timed(() => bareRun('lvremove', '--quiet', '--yes', `${VG}/${name}`)));
  ours.remove.push(await timed(() => pool.remove(uuid, signal)));
}
compare('create', bare.make, ours.make);
compare('delete', bare.remove, ours.remove);
await reconcile(10);
await reconcile(500);
