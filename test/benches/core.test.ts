// Runs each bench at its smallest size, so that they keep working. The figures mean nothing on a busy host.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { Figure, Measured } from '../../scripts/benches/core/figures.ts';
import { libvirtTest } from '../../testkit/libvirt-test.ts';
import { folderWith, root, run } from '../scripts/support/run.ts';

const TINY = ['--seconds', '0.2', '--rounds', '1', '--disks', '200'];

async function measures(t: ExecutionContext, ...names: string[]): Promise<void> {
  const directory = await folderWith(t, {});
  const json = join(await folderWith(t, {}), 'figures.json');
  const args = ['core', ...names, ...TINY, '--json', json];
  const { status, stdout, stderr } = await run(join(root, 'scripts/bench'), args, {
    env: { TMPDIR: directory, NODE_OPTIONS: '' },
  });
  t.is(status, 0, stderr);
  const { figures, measured } = JSON.parse(await readFile(json, 'utf8')) as {
    figures: Figure[];
    measured: Measured[];
  };
  t.true(figures.length >= measured.length && measured.length > 0);
  for (const { what, rounds, figures } of measured) {
    for (const { key } of figures) {
      for (const { ours, floor } of rounds) {
        t.true(Number.isFinite(ours[key]) && Number.isFinite(floor[key]), `${what}: ${key} and its floor`);
      }
    }
  }
  for (const { what } of figures) t.true(stdout.includes(what));
  const left = (await readdir(directory)).filter(name => name.startsWith('pdisk-'));
  t.deepEqual(left, [], 'nothing is left over');
}

test.serial('reading and listing are measured', t => measures(t, 'read', 'list'));
test.serial('creating and deleting are measured', t => measures(t, 'volumes'));
test.serial('starting is measured', t => measures(t, 'start'));
test.serial('how costs grow with the number of disks is measured', t => measures(t, 'growth'));
libvirtTest('plugging is measured', t => measures(t, 'plug'));

test('an unknown measurement is refused with the names of the known ones', async t => {
  const { status, stdout, stderr } = await run(join(root, 'scripts/bench'), ['core', 'nonsense']);
  t.is(status, 2);
  t.is(stdout, '');
  t.regex(stderr, /volumes[\s\S]*there is no measurement 'nonsense'/);
});
