// The formatter keeps code to its line width, but does not wrap comments.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import ts from 'typescript';

const root = fileURLToPath(new URL('../..', import.meta.url));
const FOLDERS = ['machines', 'scripts', 'src', 'test', 'testkit'];
const { formatter } = JSON.parse(readFileSync(join(root, 'biome.json'), 'utf8')) as {
  formatter: { lineWidth: number };
};

/**
 * What the formatter leaves in one line, however long: strings, templates, regular expressions and JSX text.
 */
const isUnbreakable = (node: ts.Node): boolean =>
  ts.isStringLiteralLike(node) ||
  ts.isRegularExpressionLiteral(node) ||
  ts.isTemplateHead(node) ||
  ts.isTemplateMiddleOrTemplateTail(node) ||
  ts.isJsxText(node);

/** The source with every unbreakable part and every URL removed; line breaks stay. */
function breakableParts(name: string, source: string): string {
  const file = ts.createSourceFile(name, source, ts.ScriptTarget.Latest, true);
  const kept: string[] = [];
  let from = 0;
  function visit(node: ts.Node): void {
    if (isUnbreakable(node)) {
      kept.push(source.slice(from, node.getStart(file)), node.getText(file).replace(/[^\n]/g, ''));
      from = node.end;
    }
    ts.forEachChild(node, visit);
  }
  visit(file);
  return [...kept, source.slice(from)].join('').replace(/https?:\/\/\S+/g, '');
}

const isWide = (line: string): boolean => line.length > formatter.lineWidth;

/** The numbers of the lines that are too wide and could be wrapped. */
function wideLines(name: string, source: string): number[] {
  if (!source.split('\n').some(isWide)) return [];
  const lines = breakableParts(name, source).split('\n');
  return lines.flatMap((line, index) => (isWide(line) ? [index + 1] : []));
}

test(`no line of a source is wider than ${formatter.lineWidth} columns`, t => {
  const files = FOLDERS.flatMap(folder =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter(name => /\.tsx?$/.test(name))
      .map(name => join(folder, name)),
  );
  t.deepEqual(
    files.flatMap(file =>
      wideLines(file, readFileSync(join(root, file), 'utf8')).map(line => `${file}:${line}`),
    ),
    [],
  );
});

test('a wide comment counts, a wide text and a wide URL do not', t => {
  const wide = 'x'.repeat(formatter.lineWidth);
  const source = [
    `// ${wide}`,
    `const text = '${wide}';`,
    `/** ${wide} */`,
    `const both = '${wide}'; // ${wide}`,
    `// See https://example.org/${wide}`,
    `const template = \`${wide}`,
    `${wide}\${both}${wide}\`;`,
    `/${wide}/.test(text);`,
  ];
  t.deepEqual(wideLines('wide.ts', source.join('\n')), [1, 3, 4]);
});
