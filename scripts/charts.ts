import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { attachmentMachine } from '../machines/attachment.ts';
import { diskMachine } from '../machines/disk.ts';
import { pageOf } from '../src/charts/mermaid.ts';

const HELP = `Usage: npm run charts [-- --check]

Writes machines/disk.md and machines/attachment.md from the statecharts.

  --check  writes nothing; exits with 1 if a page differs from its chart
  --help   this text
`;

const { values } = parseArgs({ options: { check: { type: 'boolean' }, help: { type: 'boolean' } } });

function pageDiffers(file: URL, page: string): boolean {
  try {
    return readFileSync(file, 'utf8') !== page;
  } catch {
    return true;
  }
}

if (values.help) {
  process.stdout.write(HELP);
} else {
  for (const chart of [diskMachine, attachmentMachine]) {
    const file = new URL(`../machines/${chart.id}.md`, import.meta.url);
    const page = pageOf(chart);
    if (!values.check) writeFileSync(file, page);
    else if (pageDiffers(file, page)) {
      process.stderr.write(`machines/${chart.id}.md differs from the chart: run npm run charts\n`);
      process.exitCode = 1;
    }
  }
}
