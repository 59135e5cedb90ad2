import { readdirSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { attachmentMachine } from '../machines/attachment.ts';
import { diskMachine } from '../machines/disk.ts';
import { equivalents } from '../test/machines/support/equivalents.ts';
import { mutantsOf } from './lib/mutants.ts';
import { complaintsOf, coverRules, killerOf } from './lib/mutation-run.ts';

const HELP = `Usage: npm run mutate [-- --all]

Changes the statecharts in one place at a time (a guard dropped, negated or without one of its operands, an
action or a target dropped) and runs the chart tests of test/machines against each mutant: an expectation of a
test must fail. Exits with 1 if a mutant survives that test/machines/support/equivalents.ts does not list, or
if one that it lists is killed or does not exist.

  --all    prints for each mutant which test kills it
  --help   this text
`;

const { values } = parseArgs({ options: { all: { type: 'boolean' }, help: { type: 'boolean' } } });

const say = (line: string): boolean => process.stdout.write(`${line}\n`);

/** The folder of the chart tests. */
const folder = new URL('../test/machines/', import.meta.url);

/** Files without rules are ava's alone: the walks, which check a whole chart and are slow. */
const hasRules = (name: string): boolean =>
  name.endsWith('.test.ts') &&
  readFileSync(new URL(name, folder), 'utf8').includes("from './support/rule.ts'");

async function run(): Promise<void> {
  for (const name of readdirSync(folder).filter(hasRules)) await import(new URL(name, folder).href);
  const candidatesFor = coverRules();
  const verdicts = [diskMachine, attachmentMachine].flatMap(mutantsOf).map(mutant => ({
    name: mutant.name,
    killer: killerOf(mutant, candidatesFor(mutant)),
  }));
  if (values.all) for (const { name, killer } of verdicts) say(`${name}: ${killer?.title ?? 'SURVIVES'}`);
  const complaints = complaintsOf(verdicts, equivalents);
  for (const complaint of complaints) say(complaint);
  const killed = verdicts.filter(({ killer }) => killer !== undefined).length;
  say(`${verdicts.length} mutants, ${killed} killed, ${equivalents.length} listed as equivalent`);
  if (complaints.length > 0) process.exitCode = 1;
}

if (values.help) process.stdout.write(HELP);
else await run();
