import { readFileSync } from 'node:fs';
import test from 'ava';
import { settingsTable } from '../../src/config/help.ts';
import { loadConfig } from '../../src/config.ts';
import { table } from '../../testkit/conforms.ts';

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

test('the README shows every setting as the schema describes it', t => {
  t.true(readme.includes(settingsTable()), `README.md must hold this table:\n${settingsTable()}`);
});

test("the README's example of a configuration is valid", t => {
  const [, yaml = ''] = /```yaml\n([\s\S]*?)```/.exec(readme) ?? [];
  const { nodes } = loadConfig({ argv: ['--config', 'example'], env: {}, readFile: () => yaml });
  t.is(nodes['*'], 'qemu+tls://{node}/system');
});

test('the README names the binary that is really used', t => {
  const { dependencies } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  t.is(dependencies['uWebSockets.js'], 'npm:@based/uws@6.0.0');
  t.true(readme.includes('@based/uws@6.0.0'));
});

test('the README names every request of the API', t => {
  for (const { operation } of [...table.routes, ...table.open]) {
    const { method, path } = operation;
    if (!path.startsWith('/api/') || path.endsWith('/:file')) continue;
    // `…/chart.mmd` stands behind `GET /api/disks/:uuid/chart`.
    const isShort = readme.includes(`\`…/${path.split('/').at(-1)}\``);
    t.true(readme.includes(`${method} ${path}`) || isShort, `${method} ${path}`);
  }
});
