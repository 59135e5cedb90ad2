// Every file and section of this repository that a document names exists.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const root = fileURLToPath(new URL('../..', import.meta.url));
const FOLDERS = ['docs', 'machines', 'scripts', 'src', 'test', 'testkit'];

const documents = [
  ...readdirSync(root),
  ...FOLDERS.flatMap(folder =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map(name => join(folder, name)),
  ),
].filter(name => name.endsWith('.md'));

const textOf = (document: string): string => readFileSync(join(root, document), 'utf8');

/** The text without blocks of code, in which brackets and paths are examples. */
const proseOf = (document: string): string => textOf(document).replaceAll(/^```[\s\S]*?^```/gm, '');

/** The fragment of a heading, as GitHub makes it. */
const fragmentOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(' ', '-');

const fragmentsIn = (document: string): string[] =>
  [...proseOf(document).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => fragmentOf(heading));

const isElsewhere = (link: string): boolean => /^[a-z]+:/i.test(link);

test('the list of documents is not empty', t => {
  for (const name of ['README.md', 'CONTRIBUTING.md', 'docs/architecture.md', 'machines/disk.md'])
    t.true(documents.includes(name), name);
});

for (const document of documents) {
  test(`${document}: every link leads to a file and a section that exist`, t => {
    const links = [...proseOf(document).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
    for (const link of links.filter(one => !isElsewhere(one))) {
      const [path = '', fragment] = link.split('#');
      const target = path === '' ? document : relative(root, join(root, dirname(document), path));
      t.true(existsSync(join(root, target)), link);
      if (fragment) t.true(fragmentsIn(target).includes(fragment), link);
    }
    t.pass();
  });

  test(`${document}: every path that it names exists`, t => {
    const named = textOf(document).matchAll(
      /(?<![\w./-])(?:src|test|testkit|docs|machines|scripts)\/[\w./-]*[\w/]/g,
    );
    for (const [path] of named) t.true(existsSync(join(root, path)), path);
    t.pass();
  });
}
