import { fileURLToPath } from 'node:url';
import test from 'ava';
import { folderWith, run } from './support/run.ts';

const script = fileURLToPath(new URL('../../scripts/lib/packages-in-step.mjs', import.meta.url));

const lock = (packages: object) => JSON.stringify({ packages: { '': { name: 'own' }, ...packages } });
const a = { 'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' } };
const b = { 'node_modules/b': { version: '2.0.0', integrity: 'sha512-b' } };
const optional = { 'node_modules/other-os': { version: '1.0.0', integrity: 'sha512-o', optional: true } };
const installed = { 'node_modules/a/package.json': '{}', 'node_modules/b/package.json': '{}' };

const cases: readonly (readonly [title: string, status: number, files: Record<string, string>])[] = [
  [
    'everything there: in step',
    0,
    {
      'package-lock.json': lock({ ...a, ...b }),
      'node_modules/.package-lock.json': lock({ ...a, ...b }),
      ...installed,
    },
  ],
  [
    'an optional package for another platform may be missing',
    0,
    {
      'package-lock.json': lock({ ...a, ...optional }),
      'node_modules/.package-lock.json': lock(a),
      ...installed,
    },
  ],
  ['no node_modules', 1, { 'package-lock.json': lock(a) }],
  ['no record of what was installed', 1, { 'package-lock.json': lock(a), ...installed }],
  [
    'a package is missing',
    1,
    { 'package-lock.json': lock({ ...a, ...b }), 'node_modules/.package-lock.json': lock(a), ...installed },
  ],
  [
    'a package is of another version',
    1,
    {
      'package-lock.json': lock({ 'node_modules/a': { version: '1.0.1', integrity: 'sha512-a2' } }),
      'node_modules/.package-lock.json': lock(a),
      ...installed,
    },
  ],
  [
    "a package's folder was removed",
    1,
    { 'package-lock.json': lock(a), 'node_modules/.package-lock.json': lock(a) },
  ],
  [
    'a package is no longer wanted',
    1,
    { 'package-lock.json': lock(a), 'node_modules/.package-lock.json': lock({ ...a, ...b }), ...installed },
  ],
];

for (const [title, status, files] of cases) {
  test(`${title}${status === 0 ? '' : ': out of step'}`, async t => {
    const cwd = await folderWith(t, files);
    t.deepEqual(await run(process.execPath, [script], { cwd }), { status, stdout: '', stderr: '' });
  });
}
