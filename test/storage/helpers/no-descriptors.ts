// Runs by itself, with few descriptors: says on standard output what came of a program while there were none left, and afterwards.
import { closeSync, openSync } from 'node:fs';
import { createRunner } from '../../../src/storage/command.ts';

const run = createRunner();
const { signal } = new AbortController();
const outcome = () => run('echo', ['done'], signal).then(String, (error: Error) => error.message);

const before = await outcome();
const taken: number[] = [];
try {
  for (;;) taken.push(openSync('/dev/null', 'r'));
} catch {
  // All of them.
}
const without = await outcome();
for (const descriptor of taken) closeSync(descriptor);
process.stdout.write(JSON.stringify({ before, without, after: await outcome() }));
