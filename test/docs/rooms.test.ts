// The table of docs/architecture.md, "Who may import what", against the imports in the code.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import ts from 'typescript';

const root = fileURLToPath(new URL('../..', import.meta.url));
const FOLDERS = ['src', 'machines'];

const sources = FOLDERS.flatMap(folder =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter(name => /\.tsx?$/.test(name))
    .map(name => join(folder, name)),
);

/**
 * The room of a file: `src/api/http/head.ts` is in `src/api`, `src/main.ts` is a room by itself, and all of
 * `machines` is one.
 */
const roomOf = (file: string): string =>
  file.startsWith('src/') ? file.split('/').slice(0, 2).join('/') : (file.split('/')[0] ?? '');

/** The package of a module's name, without a path inside the package. */
const packageOf = (name: string): string =>
  (/^@[^/]+\/[^/]+|^[^/]+/.exec(name)?.[0] ?? name).replace(/:.*/, '');

/** Every import of a room from outside it, as `room -> imported`, with a file that has it. */
function importsOf(files: readonly string[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const file of files) {
    for (const { fileName } of ts.preProcessFile(readFileSync(join(root, file), 'utf8')).importedFiles) {
      const isOurs = fileName.startsWith('.');
      const to = isOurs ? roomOf(normalize(join(dirname(file), fileName))) : packageOf(fileName);
      if (to !== roomOf(file)) found.set(`${roomOf(file)} -> ${to}`, file);
    }
  }
  return found;
}

const [, table = ''] =
  /<!-- rooms: begin -->\n([\s\S]*?)<!-- rooms: end -->/.exec(
    readFileSync(join(root, 'docs/architecture.md'), 'utf8'),
  ) ?? [];
const rows = [...table.matchAll(/^\| `([^`]+)` \| (.*) \|$/gm)].map(
  ([, room = '', cell = '']) => [room, [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name)] as const,
);
const allowed = new Set(rows.flatMap(([room, names]) => names.map(name => `${room} -> ${name}`)));
const imports = importsOf(sources);

test('every room has one row in the table, and every row is a room', t => {
  t.deepEqual(
    rows.map(([room]) => room),
    [...new Set(sources.map(roomOf))].sort(),
  );
});

test('no room imports what the table does not allow', t => {
  t.deepEqual(
    [...imports].filter(([arrow]) => !allowed.has(arrow)),
    [],
  );
});

test('every import that the table allows is used', t => {
  t.deepEqual(
    [...allowed].filter(arrow => !imports.has(arrow)),
    [],
  );
});

test('the charts import XState alone, and the libvirt client Node alone', t => {
  const of = (room: string) => [...imports.keys()].filter(arrow => arrow.startsWith(`${room} -> `));
  t.deepEqual(of('machines'), ['machines -> xstate']);
  t.deepEqual(of('src/libvirt'), ['src/libvirt -> node']);
});
