// A client generated from the OpenAPI document, by a generator that has no special knowledge of pdisk.
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import openapiTS, { astToString } from 'openapi-typescript';
import { basic } from '../../testkit/http.ts';
import { startSite } from '../inspect/support/site.ts';
import { drive } from './program.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const tsc = (project: string) =>
  promisify(execFile)(process.execPath, [
    `${root}node_modules/typescript/bin/tsc`,
    '--noEmit',
    '-p',
    project,
  ]);

test('a generated client creates, hotattaches, hotdetaches and deletes', async t => {
  const { service, n1 } = await startSite(t);
  const { text } = await service.call('GET', '/api/openapi.json');
  const generated = astToString(await openapiTS(text));
  await mkdir(`${root}dist/client`, { recursive: true });
  await writeFile(`${root}dist/client/pdisk.ts`, generated);
  // The compiler checks the program against the description: what it sends, and what it reads.
  await t.notThrowsAsync(tsc(`${root}test/client`));

  const told = await drive(service.url, basic('admin'), { node: 'n1', vm_id: '1' });
  t.like(told, { target: 'vda', remaining: [], left: 0 });
  t.regex(told.uuid, /^[\da-f-]{36}$/);
  t.regex(told.refused.join(), /is in use/);
  t.deepEqual(n1.domain('one-1').disks, []);
});
