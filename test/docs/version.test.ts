// package.json alone states the version; every other place takes it from there.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { asyncApi } from '../../src/api/description/asyncapi.ts';
import { document } from '../../testkit/conforms.ts';
import { root, run } from '../scripts/support/run.ts';

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

test('the OpenAPI and the AsyncAPI document have the version of package.json', t => {
  t.is(document.info.version, version);
  t.is(JSON.parse(asyncApi()).info.version, version);
});

test('pdisk --version and scripts/server --version say it', async t => {
  const service = await run(process.execPath, ['--import=tsx', join(root, 'src/pdisk.ts'), '--version']);
  t.like(service, { status: 0, stdout: `pdisk ${version}\n` });
  t.deepEqual(await run(join(root, 'scripts/server'), ['--version']), {
    status: 0,
    stdout: `pdisk ${version}\n`,
    stderr: '',
  });
});

test('the changelog has a section for it, below what is unreleased', t => {
  const headings = readFileSync(join(root, 'CHANGELOG.md'), 'utf8').match(/^## \[[^\]]+\]/gm);
  t.deepEqual(headings?.slice(0, 2), ['## [Unreleased]', `## [${version}]`]);
});
