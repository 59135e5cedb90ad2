// The cost of the pool of logical volumes beside LVM itself, in the guest that has device-mapper.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const help = `Usage: scripts/bench lvm [--rounds N]

Creates and deletes volumes, by the pool and by lvcreate and lvremove, in turns, and prints how much longer the
pool takes (aim: at most 10 %); counts LVM's processes for a reconciliation with 10 and with 500 volumes.

  --rounds N   how often each is done (100)
`;

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '100' }, help: { type: 'boolean' } },
});

if (values.help) {
  process.stdout.write(help);
} else {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const measure = ['node', '--import=tsx', 'scripts/benches/lvm/measure.ts', values.rounds];
  const guest = ['scripts/virt/lvm-guest.sh', '-t', '1800', '-d', '16G', ...measure];
  const [program = '', ...args] = guest;
  process.exitCode = spawnSync(program, args, { cwd: root, stdio: 'inherit' }).status ?? 1;
}
